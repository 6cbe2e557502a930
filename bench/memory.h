// SPDX-License-Identifier: MIT
// Host memory as the CPU device has it: in large pages where the system has some.
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stddef.h>

void *memory_create(size_t size); // of undefined contents; free() it. NULL without memory

#endif
