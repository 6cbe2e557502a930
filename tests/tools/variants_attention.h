// SPDX-License-Identifier: MIT
// Problems of attention whose kernels the vendor report compiles.
#ifndef TOOLS_VARIANTS_ATTENTION_H
#define TOOLS_VARIANTS_ATTENTION_H

#include <gyre/device.h>

// Of queries with results, and of keys with values.
struct storage {
    enum gyre_dtype q, kv;
};
enum { N_STORAGES = 5 };
extern const struct storage storages[N_STORAGES];

// Has the device plan them all: plain ones, and those with each thing that attention may have
// besides. Returns how many it refused.
int plan_attentions(struct gyre_device *device);

#endif
