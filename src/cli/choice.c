// SPDX-License-Identifier: MIT
#include "choice.h"

#include <stdio.h>
#include <stdlib.h>

#include "open.h"

static bool is_named_by_environment(void)
{
    const char *wanted = getenv("GYRE_DEVICE");
    return wanted != NULL && *wanted != '\0';
}

void choice_find(const struct gyre_device_list *list, const struct common *common, char id[32])
{
    const struct gyre_device_info *info = gyre_device_list_get(list, 0);
    struct gyre_device_params params = {.log = shown_log(common), .n_threads = common->n_threads};
    struct gyre_device *device = NULL;
    if (is_named_by_environment()) {
        gyre_device_open(&params, &device);
        info = device != NULL ? gyre_device_get_info(device) : NULL;
    }
    snprintf(id, sizeof(info->id), "%s", info != NULL ? info->id : "");
    gyre_device_destroy(&device);
}

const char *choice_reason(const struct gyre_device_info *info, bool is_chosen)
{
    return is_chosen && is_named_by_environment() ? "GYRE_DEVICE names it" : info->why;
}
