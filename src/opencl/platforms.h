// SPDX-License-Identifier: MIT
// Which OpenCL platforms there are, each once.
#ifndef GYRE_OPENCL_PLATFORMS_H
#define GYRE_OPENCL_PLATFORMS_H

#include "opencl/library.h"

enum { GYRE_CL_MAX_PLATFORMS = 32, GYRE_CL_MAX_DEVICES = 32 };

// Its name and version, "Portable Computing Language OpenCL 3.0 PoCL 3.1"; cut to `size`.
void gyre_cl_platform_text(const struct gyre_cl *cl, cl_platform_id platform, char *text,
                           size_t size);

// How many platforms there are, without those that repeat an earlier one: two files may name the
// same driver.
cl_uint gyre_cl_platforms(const struct gyre_cl *cl, const struct gyre_log *log,
                          cl_platform_id platforms[GYRE_CL_MAX_PLATFORMS]);

#endif
