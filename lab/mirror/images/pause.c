/*
 * The first process of a pod: holds its namespaces, ends on a signal, buries orphans. With -v it names itself and ends at
 * once: `kubeadm upgrade apply` runs a Job of that to see whether the cluster can run pods.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int signal) { exit(0); }

static void bury(int signal) { while (waitpid(-1, NULL, WNOHANG) > 0) {} }

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "-v") == 0) {
    puts("pause.c of the lab");
    return 0;
  }
  sigaction(SIGINT, &(struct sigaction){.sa_handler = end}, NULL);
  sigaction(SIGTERM, &(struct sigaction){.sa_handler = end}, NULL);
  sigaction(SIGCHLD, &(struct sigaction){.sa_handler = bury, .sa_flags = SA_NOCLDSTOP}, NULL);
  for (;;) pause();
}
