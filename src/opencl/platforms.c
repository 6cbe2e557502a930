// SPDX-License-Identifier: MIT
#include "opencl/platforms.h"

#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <CL/cl_ext.h>

#include "log.h"

void gyre_cl_platform_text(const struct gyre_cl *cl, cl_platform_id platform, char *text,
                           size_t size)
{
    char name[128] = "", version[256] = "";
    cl->clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof(name) - 1, name, NULL);
    cl->clGetPlatformInfo(platform, CL_PLATFORM_VERSION, sizeof(version) - 1, version, NULL);
    snprintf(text, size, "%s %s", name, version);
}

// What a device is called, and which of those called so it is, where its driver says.
struct identity {
    char name[256];
    cl_uchar uuid[CL_UUID_SIZE_KHR];
    cl_device_pci_bus_info_khr pci;
};

static XXH64_hash_t add_device(const struct gyre_cl *cl, cl_device_id device, XXH64_hash_t hash)
{
    struct identity identity;
    memset(&identity, 0, sizeof(identity));
    cl->clGetDeviceInfo(device, CL_DEVICE_NAME, sizeof(identity.name), identity.name, NULL);
    cl->clGetDeviceInfo(device, CL_DEVICE_UUID_KHR, sizeof(identity.uuid), identity.uuid, NULL);
    cl->clGetDeviceInfo(device, CL_DEVICE_PCI_BUS_INFO_KHR, sizeof(identity.pci), &identity.pci,
                        NULL);
    return XXH3_64bits_withSeed(&identity, sizeof(identity), hash);
}

// A number for name, version and devices, in order.
static XXH64_hash_t fingerprint(const struct gyre_cl *cl, cl_platform_id platform)
{
    char text[512];
    cl_device_id devices[GYRE_CL_MAX_DEVICES];
    cl_uint n = 0;
    gyre_cl_platform_text(cl, platform, text, sizeof(text));
    XXH64_hash_t hash = XXH3_64bits(text, strlen(text));
    if (cl->clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, GYRE_CL_MAX_DEVICES, devices, &n) !=
        CL_SUCCESS)
        return hash;
    for (cl_uint i = 0; i < n && i < GYRE_CL_MAX_DEVICES; i++)
        hash = add_device(cl, devices[i], hash);
    return hash;
}

cl_uint gyre_cl_platforms(const struct gyre_cl *cl, const struct gyre_log *log,
                          cl_platform_id platforms[GYRE_CL_MAX_PLATFORMS])
{
    XXH64_hash_t seen[GYRE_CL_MAX_PLATFORMS];
    cl_uint n_found = 0, n = 0;
    cl_int error = cl->clGetPlatformIDs(GYRE_CL_MAX_PLATFORMS, platforms, &n_found);
    if (error != CL_SUCCESS) {
        gyre_log_write(log, GYRE_LOG_INFO, "opencl: no platform: error %d", (int)error);
        return 0;
    }
    for (cl_uint i = 0; i < n_found && i < GYRE_CL_MAX_PLATFORMS; i++) {
        cl_uint same = 0;
        seen[n] = fingerprint(cl, platforms[i]);
        while (seen[same] != seen[n])
            same++;
        platforms[n] = platforms[i];
        if (same == n)
            n++;
        else
            gyre_log_write(log, GYRE_LOG_INFO, "opencl: platform %u repeats platform %u, skipped",
                           (unsigned)i, (unsigned)same);
    }
    return n;
}
