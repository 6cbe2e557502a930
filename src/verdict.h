// SPDX-License-Identifier: MIT
// What is known of kernels on a device: drivers miscompile, so what an operator runs together is
// checked at its first use, and the verdict kept, in memory and in the disk cache. It depends on
// the kernels' sources, so a mended kernel is checked anew.
#ifndef GYRE_VERDICT_H
#define GYRE_VERDICT_H

#include "backend.h"

enum gyre_verdict {
    GYRE_UNTESTED = 0,
    GYRE_RIGHT,
    GYRE_WRONG,
    GYRE_UNTESTABLE, // the trial itself failed: used, and not tried again by this device object
};

// Variants that run one after the other; unused members are all 0. A variant without a kernel
// stands for a library's matrix product.
enum { GYRE_MAX_TOGETHER = 8 };
struct gyre_together {
    struct gyre_variant variants[GYRE_MAX_TOGETHER];
};

// Thread-safe, both.
enum gyre_verdict gyre_verdict_get(struct gyre_device *device, const struct gyre_together *what);
void gyre_verdict_set(struct gyre_device *device, const struct gyre_together *what,
                      enum gyre_verdict verdict);

struct gyre_verdicts;
struct gyre_verdicts *gyre_verdicts_create(void); // NULL: no memory
void gyre_verdicts_destroy(struct gyre_verdicts *verdicts);

#endif
