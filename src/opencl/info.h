// SPDX-License-Identifier: MIT
// Facts about OpenCL devices.
#ifndef GYRE_OPENCL_INFO_H
#define GYRE_OPENCL_INFO_H

#include <gyre/device.h>

#include "opencl/library.h"

// NULL when gyre can use the device, or why not.
const char *gyre_cl_refuse(const struct gyre_cl *cl, cl_device_id device);

// Everything but the id.
void gyre_cl_read_info(const struct gyre_cl *cl, cl_platform_id platform, cl_device_id device,
                       struct gyre_device_info *info);

#endif
