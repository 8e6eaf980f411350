/* The first process of a pod: holds its namespaces, ends on a signal, buries orphans. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int signal) { exit(0); }

static void bury(int signal) { while (waitpid(-1, NULL, WNOHANG) > 0) {} }

int main(void) {
  sigaction(SIGINT, &(struct sigaction){.sa_handler = end}, NULL);
  sigaction(SIGTERM, &(struct sigaction){.sa_handler = end}, NULL);
  sigaction(SIGCHLD, &(struct sigaction){.sa_handler = bury, .sa_flags = SA_NOCLDSTOP}, NULL);
  for (;;) pause();
}
