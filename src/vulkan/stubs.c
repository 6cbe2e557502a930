// SPDX-License-Identifier: MIT
// Stands in for the backend when it is not built.
#include "backend.h"

static enum gyre_status list(const struct gyre_device_params *params, struct gyre_found *found)
{
    (void)params;
    (void)found;
    return GYRE_OK;
}

const struct gyre_backend gyre_backend_vulkan = {.kind = GYRE_BACKEND_VULKAN, .list = list};
