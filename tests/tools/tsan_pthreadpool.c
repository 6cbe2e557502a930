// SPDX-License-Identifier: MIT
// Tells the thread sanitizer what pthreadpool promises: tasks start after the call and end before
// its return. The library itself is not instrumented and waits on futexes, which the sanitizer
// cannot see. Races between tasks of one call stay visible. Linked into programs under that
// sanitizer only.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>

#include <pthreadpool.h>
#include <sanitizer/tsan_interface.h>

typedef void parallelize_1d(pthreadpool_t pool, pthreadpool_task_1d_t task, void *context,
                            size_t range, uint32_t flags);

struct call {
    pthreadpool_task_1d_t task;
    void *context;
    char begin, end; // their addresses are what matters
};

static void run_task(void *user, size_t i)
{
    struct call *call = user;
    __tsan_acquire(&call->begin);
    call->task(call->context, i);
    __tsan_release(&call->end);
}

void pthreadpool_parallelize_1d(pthreadpool_t pool, pthreadpool_task_1d_t task, void *context,
                                size_t range, uint32_t flags)
{
    struct call call = {.task = task, .context = context};
    void *symbol = dlsym(RTLD_NEXT, "pthreadpool_parallelize_1d");
    parallelize_1d *real;
    memcpy(&real, &symbol, sizeof(real));
    __tsan_release(&call.begin);
    real(pool, run_task, &call, range, flags);
    __tsan_acquire(&call.end);
}
