// SPDX-License-Identifier: MIT
#include "memory.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { ALIGNMENT = 2 << 20 };

void *memory_create(size_t size)
{
    size_t padded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    void *memory = aligned_alloc(ALIGNMENT, padded > 0 ? padded : ALIGNMENT);
#if defined(MADV_HUGEPAGE)
    if (memory != NULL)
        madvise(memory, padded, MADV_HUGEPAGE); // a wish
#endif
    return memory;
}
