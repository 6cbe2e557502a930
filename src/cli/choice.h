// SPDX-License-Identifier: MIT
// Which device a call takes that names none, and why.
#ifndef GYRE_CLI_CHOICE_H
#define GYRE_CLI_CHOICE_H

#include "options.h"

#include <gyre/device.h>

// Its id; "" when there is none, or the environment names one that cannot be used.
void choice_find(const struct gyre_device_list *list, const struct common *common, char id[32]);

// Why the device has its place, or is the chosen one.
const char *choice_reason(const struct gyre_device_info *info, bool is_chosen);

#endif
