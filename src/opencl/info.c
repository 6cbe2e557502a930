// SPDX-License-Identifier: MIT
#include "opencl/info.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <CL/cl_ext.h>

// --- reading one fact; a driver that refuses leaves zeros

static void read_text(const struct gyre_cl *cl, cl_device_id device, cl_device_info what,
                      char *text, size_t size)
{
    char *whole = NULL;
    size_t length = 0;
    text[0] = '\0';
    if (cl->clGetDeviceInfo(device, what, 0, NULL, &length) == CL_SUCCESS)
        whole = calloc(1, length + 1);
    if (whole != NULL && cl->clGetDeviceInfo(device, what, length, whole, NULL) == CL_SUCCESS)
        snprintf(text, size, "%s", whole);
    free(whole);
}

static uint32_t read_u32(const struct gyre_cl *cl, cl_device_id device, cl_device_info what)
{
    cl_uint value = 0;
    cl->clGetDeviceInfo(device, what, sizeof(value), &value, NULL);
    return value;
}

static uint64_t read_u64(const struct gyre_cl *cl, cl_device_id device, cl_device_info what)
{
    cl_ulong value = 0;
    cl->clGetDeviceInfo(device, what, sizeof(value), &value, NULL);
    return value;
}

static size_t read_size(const struct gyre_cl *cl, cl_device_id device, cl_device_info what)
{
    size_t value = 0;
    cl->clGetDeviceInfo(device, what, sizeof(value), &value, NULL);
    return value;
}

// The first of an array, or 0.
static size_t read_first_size(const struct gyre_cl *cl, cl_device_id device, cl_device_info what)
{
    size_t *values = NULL, first = 0, size = 0;
    if (cl->clGetDeviceInfo(device, what, 0, NULL, &size) == CL_SUCCESS && size >= sizeof(*values))
        values = calloc(1, size);
    if (values != NULL && cl->clGetDeviceInfo(device, what, size, values, NULL) == CL_SUCCESS)
        first = values[0];
    free(values);
    return first;
}

static uint32_t clamp_u32(uint64_t value)
{
    return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

enum { EXTENSIONS_SIZE = 8192 };

static bool has_extension(const char *extensions, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = extensions; (at = strstr(at, name)) != NULL; at += length)
        if ((at == extensions || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return false;
}

// --- usable?

const char *gyre_cl_refuse(const struct gyre_cl *cl, cl_device_id device)
{
    char version[128];
    int major = 0, minor = 0;
    read_text(cl, device, CL_DEVICE_VERSION, version, sizeof(version));
    if (sscanf(version, "OpenCL %d.%d", &major, &minor) != 2 || 10 * major + minor < 12)
        return "older than OpenCL 1.2";
    if (!read_u32(cl, device, CL_DEVICE_AVAILABLE))
        return "not available";
    if (!read_u32(cl, device, CL_DEVICE_COMPILER_AVAILABLE))
        return "no compiler";
    // An optional thing of the embedded profile, and hidden keys are infinities.
    if ((read_u64(cl, device, CL_DEVICE_SINGLE_FP_CONFIG) & CL_FP_INF_NAN) == 0)
        return "no infinities and NaNs";
    return read_u32(cl, device, CL_DEVICE_ENDIAN_LITTLE) ? NULL : "big-endian";
}

// --- what it is

// Renderers on the CPU that do not all say so by their type.
static bool is_software(cl_device_type type, const char *name)
{
    static const char *const names[] = {"llvmpipe", "Oclgrind", "swiftshader"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strstr(name, names[i]) != NULL)
            return true;
    return (type & CL_DEVICE_TYPE_CPU) != 0;
}

static enum gyre_device_type device_type(const struct gyre_cl *cl, cl_device_id device,
                                         const char *name, bool has_unified_memory)
{
    cl_device_type type = read_u64(cl, device, CL_DEVICE_TYPE);
    if (is_software(type, name))
        return GYRE_DEVICE_SOFTWARE;
    if ((type & CL_DEVICE_TYPE_GPU) == 0)
        return GYRE_DEVICE_OTHER;
    return has_unified_memory ? GYRE_DEVICE_INTEGRATED : GYRE_DEVICE_DISCRETE;
}

// From cl_nv_device_attribute_query; Khronos' headers do not have them.
enum { PCI_BUS_ID_NV = 0x4008, PCI_SLOT_ID_NV = 0x4009, PCI_DOMAIN_ID_NV = 0x400A };

static void read_pci(const struct gyre_cl *cl, cl_device_id device, const char *extensions,
                     char pci[16])
{
    cl_device_pci_bus_info_khr at = {0};
    cl_device_topology_amd amd = {0};
    bool is_known = false;
    if (has_extension(extensions, "cl_khr_pci_bus_info")) {
        is_known = cl->clGetDeviceInfo(device, CL_DEVICE_PCI_BUS_INFO_KHR, sizeof(at), &at, NULL) ==
                   CL_SUCCESS;
    } else if (has_extension(extensions, "cl_nv_device_attribute_query")) {
        uint32_t slot = read_u32(cl, device, PCI_SLOT_ID_NV);
        at.pci_domain = read_u32(cl, device, PCI_DOMAIN_ID_NV);
        at.pci_bus = read_u32(cl, device, PCI_BUS_ID_NV);
        at.pci_device = slot >> 3;
        at.pci_function = slot & 7;
        is_known = true;
    } else if (has_extension(extensions, "cl_amd_device_attribute_query") &&
               cl->clGetDeviceInfo(device, CL_DEVICE_TOPOLOGY_AMD, sizeof(amd), &amd, NULL) ==
                   CL_SUCCESS) {
        at.pci_bus = (uint8_t)amd.pcie.bus;
        at.pci_device = (uint8_t)amd.pcie.device;
        at.pci_function = (uint8_t)amd.pcie.function;
        is_known = true;
    }
    if (is_known)
        snprintf(pci, 16, "%04x:%02x:%02x.%x", at.pci_domain & 0xffff, at.pci_bus & 0xff,
                 at.pci_device & 0xff, at.pci_function & 0xf);
}

static uint32_t read_subgroup_size(const struct gyre_cl *cl, cl_device_id device,
                                   const char *extensions)
{
    if (has_extension(extensions, "cl_nv_device_attribute_query"))
        return read_u32(cl, device, CL_DEVICE_WARP_SIZE_NV);
    if (has_extension(extensions, "cl_amd_device_attribute_query"))
        return read_u32(cl, device, CL_DEVICE_WAVEFRONT_WIDTH_AMD);
    return 0; // elsewhere the compiler chooses one per kernel
}

static bool read_int_dot(const struct gyre_cl *cl, cl_device_id device, const char *extensions)
{
    cl_device_integer_dot_product_acceleration_properties_khr dot = {0};
    if (!has_extension(extensions, "cl_khr_integer_dot_product"))
        return false;
    cl->clGetDeviceInfo(device, CL_DEVICE_INTEGER_DOT_PRODUCT_ACCELERATION_PROPERTIES_8BIT_KHR,
                        sizeof(dot), &dot, NULL);
    return dot.signed_accelerated;
}

static void read_identity(const struct gyre_cl *cl, cl_platform_id platform, cl_device_id device,
                          const char *extensions, struct gyre_device_info *info)
{
    char platform_name[64] = "", driver[128];
    cl->clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof(platform_name) - 1, platform_name,
                          NULL);
    read_text(cl, device, CL_DRIVER_VERSION, driver, sizeof(driver));
    snprintf(info->driver, sizeof(info->driver), "%s %s", platform_name, driver);
    read_text(cl, device, CL_DEVICE_NAME, info->name, sizeof(info->name));
    read_text(cl, device, CL_DEVICE_VENDOR, info->vendor, sizeof(info->vendor));
    info->vendor_id = read_u32(cl, device, CL_DEVICE_VENDOR_ID);
    if (has_extension(extensions, "cl_khr_device_uuid"))
        cl->clGetDeviceInfo(device, CL_DEVICE_UUID_KHR, sizeof(info->uuid), info->uuid, NULL);
    read_pci(cl, device, extensions, info->pci);
}

// Work-groups are one-dimensional.
static uint32_t read_group_size(const struct gyre_cl *cl, cl_device_id device)
{
    size_t most = read_size(cl, device, CL_DEVICE_MAX_WORK_GROUP_SIZE);
    size_t along = read_first_size(cl, device, CL_DEVICE_MAX_WORK_ITEM_SIZES);
    return clamp_u32(along != 0 && along < most ? along : most);
}

static bool is_vendor(const struct gyre_device_info *info, uint32_t pci_id, const char *name)
{
    return info->vendor_id == pci_id || strncasecmp(info->vendor, name, strlen(name)) == 0;
}

// Mali and Adreno call theirs local though it is ordinary memory. Not every driver of these gives
// the vendor's PCI id.
static bool read_local_mem_global(const struct gyre_cl *cl, cl_device_id device,
                                  const struct gyre_device_info *info)
{
    return read_u32(cl, device, CL_DEVICE_LOCAL_MEM_TYPE) == CL_GLOBAL ||
           is_vendor(info, 0x13B5, "Arm") || is_vendor(info, 0x5143, "Qualcomm");
}

static void read_limits(const struct gyre_cl *cl, cl_device_id device,
                        struct gyre_device_info *info)
{
    info->memory_size = read_u64(cl, device, CL_DEVICE_GLOBAL_MEM_SIZE);
    info->max_alloc_size = read_u64(cl, device, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    info->max_binding_size = info->max_alloc_size;
    // Kernels take whole buffers and small offsets as arguments; past this a part is made.
    info->offset_align = 1u << 30;
    info->n_units = read_u32(cl, device, CL_DEVICE_MAX_COMPUTE_UNITS);
    info->max_group_size = read_group_size(cl, device);
    info->local_size = clamp_u32(read_u64(cl, device, CL_DEVICE_LOCAL_MEM_SIZE));
    // OpenCL has no such limits, but the hardware below has these, and work-items are counted in 32
    // bits on some.
    info->max_group_count[0] =
        (uint32_t)INT32_MAX / (info->max_group_size != 0 ? info->max_group_size : 1);
    info->max_group_count[1] = info->max_group_count[2] = UINT16_MAX;
}

void gyre_cl_read_info(const struct gyre_cl *cl, cl_platform_id platform, cl_device_id device,
                       struct gyre_device_info *info)
{
    char extensions[EXTENSIONS_SIZE];
    memset(info, 0, sizeof(*info));
    read_text(cl, device, CL_DEVICE_EXTENSIONS, extensions, sizeof(extensions));
    info->backend = GYRE_BACKEND_OPENCL;
    read_identity(cl, platform, device, extensions, info);
    read_limits(cl, device, info);
    info->subgroup_size = read_subgroup_size(cl, device, extensions);
    info->has_f16_storage = true; // vload_half and vstore_half are in the core
    info->has_f16_math = has_extension(extensions, "cl_khr_fp16");
    info->has_int_dot = read_int_dot(cl, device, extensions);
    info->has_unified_memory = read_u32(cl, device, CL_DEVICE_HOST_UNIFIED_MEMORY) != 0;
    info->is_local_mem_global = read_local_mem_global(cl, device, info);
    info->type = device_type(cl, device, info->name, info->has_unified_memory);
}
