module kubexm.io/lab/file-server

go 1.22
