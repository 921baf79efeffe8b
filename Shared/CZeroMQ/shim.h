#include <zmq.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/eventfd.h>

// glibc declares it only with _GNU_SOURCE, which Swift's importer does not set.
extern int pthread_setname_np(pthread_t thread, const char *name);
