// SPDX-License-Identifier: MIT
// What every CPU kernel is: a function that runs one work-group.
#ifndef GYRE_CPU_KERNELS_COMMON_H
#define GYRE_CPU_KERNELS_COMMON_H

#include <stddef.h>
#include <stdint.h>

// Every kernel is compiled once per instruction set, GYRE_ISA, and so is its name:
// GYRE_CPU_NAME(rope) is gyre_cpu_rope_avx2.
#define GYRE_CPU_PASTE(stem, isa)  gyre_cpu_##stem##_##isa
#define GYRE_CPU_EXPAND(stem, isa) GYRE_CPU_PASTE(stem, isa)
#define GYRE_CPU_NAME(stem)        GYRE_CPU_EXPAND(stem, GYRE_ISA)

enum { GYRE_CPU_MAX_BUFS = 20 };

// A dispatch as a kernel sees it.
struct gyre_cpu_task {
    const void *args;              // the kernel's argument struct
    const uint32_t *defs;          // values in the order of gyre_kernel.defs
    const uint32_t *consts;        // likewise
    void *bufs[GYRE_CPU_MAX_BUFS]; // start of each span
    uint32_t groups[3];
};

struct gyre_cpu_kernel {
    const char *name;
    // Bytes of local memory, 64-byte aligned, that one group needs; NULL: none.
    size_t (*local_size)(const struct gyre_cpu_task *task);
    // Runs one group. `local` belongs to the calling thread; its contents are undefined.
    void (*run)(const struct gyre_cpu_task *task, const uint32_t group[3], void *local);
};

#endif
