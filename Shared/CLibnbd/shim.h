#include <libnbd.h>

// What reading with threads of our own needs beside libnbd, and Swift's Glibc module does not offer.
#include <sys/eventfd.h>
#include <sys/prctl.h>

// Names the calling thread for debuggers; prctl is variadic, which Swift can not call.
static inline void bascule_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
