// Tells ThreadSanitizer of the order that a contended Synchronization.Mutex gives.
//
// A Mutex that is free is taken by instructions inlined into our code, which the sanitizer sees. One that is held is taken
// and released inside libswiftSynchronization.so, which is not instrumented: it would report everything behind such a lock
// as a race (Swift 6.3.1: a program of nothing but a Mutex and four threads gets three reports). Only `make race` links
// this. Its two functions have the names of the library's, so the linker prefers them; they call the library's, and tell.
//
// The names and the convention are of Swift's ABI (stdlib/public/Synchronization/Mutex/LinuxImpl.swift): `self` goes where
// swiftcall puts a context. If a later Swift has no such functions, the process ends at once instead of reporting less.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
#define SELF __attribute__((swift_context)) void *self

typedef void Lock(uint32_t thread, SELF) __attribute__((swiftcall));
typedef void Unlock(SELF) __attribute__((swiftcall));

Lock ordered_lock __asm__(LOCK);
Unlock ordered_unlock __asm__(UNLOCK);

static Lock *library_lock;
static Unlock *library_unlock;

__attribute__((constructor)) static void find_the_librarys(void) {
    library_lock = (Lock *)dlsym(RTLD_NEXT, LOCK);
    library_unlock = (Unlock *)dlsym(RTLD_NEXT, UNLOCK);
    if (!library_lock || !library_unlock) __builtin_trap();
}

__attribute__((swiftcall)) void ordered_lock(uint32_t thread, SELF) {
    library_lock(thread, self);
    __tsan_acquire(self);
}

__attribute__((swiftcall)) void ordered_unlock(SELF) {
    __tsan_release(self);
    library_unlock(self);
}
