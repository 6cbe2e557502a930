// SPDX-License-Identifier: MIT
// Reads the facts of a physical device.
#include "vk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VENDOR_AMD = 0x1002, VENDOR_ARM = 0x13B5, VENDOR_QUALCOMM = 0x5143 };

// Every binding is aligned at least so, which makes reading bytes as words safe.
enum { MIN_OFFSET_ALIGN = 16 };

void gyre_vk_extensions_get(const struct vk_instance *instance, VkPhysicalDevice physical,
                            struct vk_extensions *out)
{
    memset(out, 0, sizeof(*out));
    if (instance->fn.EnumerateDeviceExtensionProperties(physical, NULL, &out->n, NULL) < 0)
        out->n = 0;
    out->names = calloc(out->n + 1u, sizeof(*out->names));
    if (out->names == NULL ||
        instance->fn.EnumerateDeviceExtensionProperties(physical, NULL, &out->n, out->names) < 0)
        out->n = 0;
}

bool gyre_vk_extensions_have(const struct vk_extensions *extensions, const char *name)
{
    for (uint32_t i = 0; i < extensions->n; i++) {
        if (strcmp(extensions->names[i].extensionName, name) == 0)
            return true;
    }
    return false;
}

// 0: cannot compute. A queue without graphics leaves the display alone, so it is better.
static int queue_score(const VkQueueFamilyProperties *family)
{
    if (family->queueCount == 0 || !(family->queueFlags & VK_QUEUE_COMPUTE_BIT))
        return 0;
    return 1 + 2 * (family->timestampValidBits != 0) +
           !(family->queueFlags & VK_QUEUE_GRAPHICS_BIT);
}

bool gyre_vk_find_queue(const struct vk_instance *instance, VkPhysicalDevice physical,
                        uint32_t *family, uint32_t *timestamp_bits)
{
    VkQueueFamilyProperties families[32];
    uint32_t n = sizeof(families) / sizeof(families[0]);
    int best = 0;
    instance->fn.GetPhysicalDeviceQueueFamilyProperties(physical, &n, families);
    for (uint32_t i = 0; i < n; i++) {
        if (queue_score(&families[i]) <= best)
            continue;
        best = queue_score(&families[i]);
        *family = i;
        *timestamp_bits = families[i].timestampValidBits;
    }
    return best > 0;
}

// The property and feature structs we ask for, chained where the device knows them.
struct chain {
    VkPhysicalDeviceProperties2 properties;
    VkPhysicalDeviceIDProperties id;
    VkPhysicalDeviceMaintenance3Properties limits;
    VkPhysicalDeviceMaintenance4Properties buffers;
    VkPhysicalDeviceSubgroupProperties subgroup;
    VkPhysicalDeviceDriverProperties driver;
    VkPhysicalDevicePCIBusInfoPropertiesEXT pci;
    VkPhysicalDeviceShaderIntegerDotProductProperties int_dot;
    VkPhysicalDeviceShaderCorePropertiesAMD amd;
    VkPhysicalDeviceShaderSMBuiltinsPropertiesNV nv;
    VkPhysicalDeviceShaderCoreBuiltinsPropertiesARM arm;
    VkPhysicalDeviceFeatures2 features;
    VkPhysicalDevice16BitStorageFeatures f16_storage;
    VkPhysicalDeviceShaderFloat16Int8Features f16_math;
};

static void link_struct(void *head, void *link)
{
    VkBaseOutStructure *first = head, *next = link;
    next->pNext = first->pNext;
    first->pNext = next;
}

static void read_properties(const struct vk_instance *instance, VkPhysicalDevice physical,
                            const struct vk_extensions *extensions, struct chain *c)
{
    c->properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
    c->id.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES;
    c->limits.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES;
    c->subgroup.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES;
    link_struct(&c->properties, &c->id);
    link_struct(&c->properties, &c->limits);
    link_struct(&c->properties, &c->subgroup);
    const struct {
        const char *extension;
        VkStructureType type;
        void *link;
    } optional[] = {
        {VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME,
         VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES, &c->driver},
        {VK_KHR_MAINTENANCE_4_EXTENSION_NAME,
         VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES, &c->buffers},
        {VK_EXT_PCI_BUS_INFO_EXTENSION_NAME,
         VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT, &c->pci},
        {VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME,
         VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_PROPERTIES, &c->int_dot},
        {VK_AMD_SHADER_CORE_PROPERTIES_EXTENSION_NAME,
         VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_CORE_PROPERTIES_AMD, &c->amd},
        {VK_NV_SHADER_SM_BUILTINS_EXTENSION_NAME,
         VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SM_BUILTINS_PROPERTIES_NV, &c->nv},
        {VK_ARM_SHADER_CORE_BUILTINS_EXTENSION_NAME,
         VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_CORE_BUILTINS_PROPERTIES_ARM, &c->arm},
    };
    for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++) {
        if (!gyre_vk_extensions_have(extensions, optional[i].extension))
            continue;
        ((VkBaseOutStructure *)optional[i].link)->sType = optional[i].type;
        link_struct(&c->properties, optional[i].link);
    }
    instance->fn.GetPhysicalDeviceProperties2(physical, &c->properties);
}

static void read_features(const struct vk_instance *instance, VkPhysicalDevice physical,
                          const struct vk_extensions *extensions, struct chain *c)
{
    c->features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
    c->f16_storage.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES;
    c->f16_math.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES;
    link_struct(&c->features, &c->f16_storage);
    if (gyre_vk_extensions_have(extensions, VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME))
        link_struct(&c->features, &c->f16_math);
    instance->fn.GetPhysicalDeviceFeatures2(physical, &c->features);
}

static const char *vendor_name(uint32_t vendor_id)
{
    static const struct {
        uint32_t id;
        const char *name;
    } vendors[] = {
        {VENDOR_AMD, "AMD"},           {0x106B, "Apple"},    {VENDOR_ARM, "Arm"},
        {0x1010, "Imagination"},       {0x8086, "Intel"},    {0x10DE, "NVIDIA"},
        {VENDOR_QUALCOMM, "Qualcomm"}, {0x14E4, "Broadcom"}, {0x1AE0, "Google"},
        {VK_VENDOR_ID_MESA, "Mesa"},
    };
    for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++) {
        if (vendors[i].id == vendor_id)
            return vendors[i].name;
    }
    return "";
}

static enum gyre_device_type device_type(VkPhysicalDeviceType type)
{
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return GYRE_DEVICE_DISCRETE;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return GYRE_DEVICE_INTEGRATED;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
        return GYRE_DEVICE_VIRTUAL;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return GYRE_DEVICE_SOFTWARE;
    default:
        return GYRE_DEVICE_OTHER;
    }
}

static void fill_identity(const struct chain *c, uint32_t index, struct gyre_device_info *info)
{
    const VkPhysicalDeviceProperties *p = &c->properties.properties;
    info->backend = GYRE_BACKEND_VULKAN;
    info->type = device_type(p->deviceType);
    info->vendor_id = p->vendorID;
    info->device_id = p->deviceID;
    snprintf(info->id, sizeof(info->id), "vulkan:%u", index);
    snprintf(info->name, sizeof(info->name), "%s", p->deviceName);
    snprintf(info->vendor, sizeof(info->vendor), "%s", vendor_name(p->vendorID));
    if (c->driver.sType != 0)
        snprintf(info->driver, sizeof(info->driver), "%.120s %.120s", c->driver.driverName,
                 c->driver.driverInfo);
    else
        snprintf(info->driver, sizeof(info->driver), "%#x", p->driverVersion);
    memcpy(info->uuid, c->id.deviceUUID, sizeof(info->uuid));
    if (c->pci.sType != 0)
        snprintf(info->pci, sizeof(info->pci), "%04x:%02x:%02x.%x", c->pci.pciDomain & 0xffffu,
                 c->pci.pciBus & 0xffu, c->pci.pciDevice & 0xffu, c->pci.pciFunction & 0xfu);
}

static void fill_memory(const VkPhysicalDeviceMemoryProperties *memory, const struct chain *c,
                        struct gyre_device_info *info)
{
    const VkPhysicalDeviceLimits *limits = &c->properties.properties.limits;
    info->has_unified_memory = true;
    for (uint32_t i = 0; i < memory->memoryHeapCount; i++) {
        bool is_local = memory->memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;
        if (is_local && memory->memoryHeaps[i].size > info->memory_size)
            info->memory_size = memory->memoryHeaps[i].size;
        info->has_unified_memory = info->has_unified_memory && is_local;
    }
    // An integrated GPU's driver may show a heap that is not device local; it is the same memory.
    if (info->type == GYRE_DEVICE_INTEGRATED)
        info->has_unified_memory = true;
    info->max_alloc_size = c->limits.maxMemoryAllocationSize;
    if (info->max_alloc_size > info->memory_size)
        info->max_alloc_size = info->memory_size;
    if (c->buffers.sType != 0 && info->max_alloc_size > c->buffers.maxBufferSize)
        info->max_alloc_size = c->buffers.maxBufferSize;
    info->max_binding_size = limits->maxStorageBufferRange;
    info->offset_align = MIN_OFFSET_ALIGN;
    if (limits->minStorageBufferOffsetAlignment > info->offset_align)
        info->offset_align = (uint32_t)limits->minStorageBufferOffsetAlignment;
}

static uint32_t count_units(const struct chain *c)
{
    if (c->amd.sType != 0)
        return c->amd.shaderEngineCount * c->amd.shaderArraysPerEngineCount *
               c->amd.computeUnitsPerShaderArray;
    return c->nv.sType != 0 ? c->nv.shaderSMCount : c->arm.shaderCoreCount;
}

static void fill_compute(const struct chain *c, const struct vk_extensions *extensions,
                         struct gyre_device_info *info)
{
    const VkPhysicalDeviceLimits *limits = &c->properties.properties.limits;
    info->n_units = count_units(c);
    info->max_group_size = limits->maxComputeWorkGroupInvocations;
    if (limits->maxComputeWorkGroupSize[0] < info->max_group_size)
        info->max_group_size = limits->maxComputeWorkGroupSize[0];
    memcpy(info->max_group_count, limits->maxComputeWorkGroupCount, sizeof(info->max_group_count));
    info->local_size = limits->maxComputeSharedMemorySize;
    if (c->subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT)
        info->subgroup_size = c->subgroup.subgroupSize;
    info->has_f16_storage = c->f16_storage.storageBuffer16BitAccess;
    info->has_f16_math = c->f16_math.shaderFloat16;
    info->has_int_dot = c->int_dot.integerDotProduct4x8BitPackedSignedAccelerated;
    info->has_coop_matrix = gyre_vk_extensions_have(extensions, "VK_KHR_cooperative_matrix");
    info->is_local_mem_global = info->vendor_id == VENDOR_ARM || info->vendor_id == VENDOR_QUALCOMM;
}

bool gyre_vk_facts(const struct vk_instance *instance, VkPhysicalDevice physical, uint32_t index,
                   struct gyre_device_info *info)
{
    struct chain c = {0};
    struct vk_extensions extensions;
    VkPhysicalDeviceMemoryProperties memory;
    uint32_t family, timestamp_bits;

    memset(info, 0, sizeof(*info));
    instance->fn.GetPhysicalDeviceProperties(physical, &c.properties.properties);
    if (c.properties.properties.apiVersion < VK_API_VERSION_1_1 ||
        !gyre_vk_find_queue(instance, physical, &family, &timestamp_bits))
        return false;
    gyre_vk_extensions_get(instance, physical, &extensions);
    read_properties(instance, physical, &extensions, &c);
    read_features(instance, physical, &extensions, &c);
    instance->fn.GetPhysicalDeviceMemoryProperties(physical, &memory);
    fill_identity(&c, index, info);
    fill_memory(&memory, &c, info);
    fill_compute(&c, &extensions, info);
    free(extensions.names);
    return true;
}
