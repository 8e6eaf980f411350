#!/bin/sh
# Written by kubexm; changes made here are overwritten.
# Whether this host serves at the endpoint. 401 and 403: it does, and does not tell anybody without a name.
code=$(curl -sk -m 2 -o /dev/null -w '%{http_code}' {{url}})
case $code in 200 | 401 | 403) exit 0 ;; esac
exit 1
