// SPDX-License-Identifier: MIT
// What is known of a kernel on a device: drivers miscompile, so a kernel's first use is checked,
// and the verdict kept, in memory and in the disk cache.
#ifndef GYRE_VERDICT_H
#define GYRE_VERDICT_H

#include "backend.h"

enum gyre_verdict {
    GYRE_UNTESTED = 0,
    GYRE_RIGHT,
    GYRE_WRONG,
    GYRE_UNTESTABLE, // the trial itself failed: used, and not tried again by this device object
};

// Thread-safe, both.
enum gyre_verdict gyre_verdict_get(struct gyre_device *device, const struct gyre_variant *variant);
void gyre_verdict_set(struct gyre_device *device, const struct gyre_variant *variant,
                      enum gyre_verdict verdict);

struct gyre_verdicts;
struct gyre_verdicts *gyre_verdicts_create(void); // NULL: no memory
void gyre_verdicts_destroy(struct gyre_verdicts *verdicts);

#endif
