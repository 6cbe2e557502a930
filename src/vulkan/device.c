// SPDX-License-Identifier: MIT
// The backend's table; finding, opening and closing devices.
#include "vk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum gyre_status gyre_vk_check(const struct gyre_log *log, VkResult result, const char *call)
{
    enum gyre_status status = GYRE_DEVICE;
    if (result >= 0)
        return GYRE_OK;
    if (result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY ||
        result == VK_ERROR_OUT_OF_POOL_MEMORY || result == VK_ERROR_TOO_MANY_OBJECTS)
        status = GYRE_NO_MEMORY;
    else if (result == VK_ERROR_DEVICE_LOST)
        status = GYRE_DEVICE_LOST;
    return gyre_fail(log, status, "vulkan: %s failed: %d", call, (int)result);
}

static enum gyre_status list(const struct gyre_device_params *params, struct gyre_found *found)
{
    struct vk_instance instance;
    struct gyre_device_info info;
    enum gyre_status status = GYRE_OK;
    uint32_t n;

    if (!gyre_vk_instance_open(&params->log, &instance))
        return GYRE_OK;
    VkPhysicalDevice *devices = gyre_vk_instance_devices(&instance, &n);
    for (uint32_t i = 0; i < n && status == GYRE_OK; i++) {
        if (gyre_vk_facts(&instance, devices[i], i, &info))
            status = gyre_found_add(found, &info);
    }
    free(devices);
    gyre_vk_instance_close(&instance);
    return status;
}

static enum gyre_status find_physical(struct vk_device *device)
{
    uint32_t index, n;
    if (sscanf(device->base.info.id, "vulkan:%" SCNu32, &index) != 1)
        return gyre_fail(&device->base.log, GYRE_INVALID, "vulkan: bad id %s",
                         device->base.info.id);
    VkPhysicalDevice *devices = gyre_vk_instance_devices(&device->instance, &n);
    if (index < n)
        device->physical = devices[index];
    free(devices);
    if (index >= n)
        return gyre_fail(&device->base.log, GYRE_DEVICE, "vulkan: %s has gone",
                         device->base.info.id);
    return GYRE_OK;
}

static bool can_keep_nan(const struct vk_device *device, const struct vk_extensions *extensions)
{
    VkPhysicalDeviceFloatControlsProperties floats = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FLOAT_CONTROLS_PROPERTIES,
    };
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &floats,
    };
    if (!gyre_vk_extensions_have(extensions, VK_KHR_SHADER_FLOAT_CONTROLS_EXTENSION_NAME))
        return false;
    device->instance.fn.GetPhysicalDeviceProperties2(device->physical, &properties);
    return floats.shaderSignedZeroInfNanPreserveFloat32;
}

// Names the extensions to enable, all of them optional; returns their number.
static uint32_t choose_extensions(struct vk_device *device, const char *names[3])
{
    // A layered driver (MoltenVK) wants this one named whenever it has it.
    const char *portability = "VK_KHR_portability_subset";
    struct vk_extensions extensions;
    uint32_t n = 0;
    gyre_vk_extensions_get(&device->instance, device->physical, &extensions);
    if (gyre_vk_extensions_have(&extensions, portability))
        names[n++] = portability;
    device->can_keep_nan = can_keep_nan(device, &extensions);
    if (device->can_keep_nan)
        names[n++] = VK_KHR_SHADER_FLOAT_CONTROLS_EXTENSION_NAME;
    if (device->base.info.has_f16_math)
        names[n++] = VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME;
    free(extensions.names);
    return n;
}

static enum gyre_status create_handle(struct vk_device *device)
{
    const float priority = 1.0f;
    const VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = device->queue_family,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    VkPhysicalDeviceShaderFloat16Int8Features f16_math = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES,
        .shaderFloat16 = VK_TRUE,
    };
    const VkPhysicalDevice16BitStorageFeatures f16_storage = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES,
        .pNext = device->base.info.has_f16_math ? &f16_math : NULL,
        .storageBuffer16BitAccess = device->base.info.has_f16_storage,
    };
    const char *extensions[3];
    const VkDeviceCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = &f16_storage,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
        .enabledExtensionCount = choose_extensions(device, extensions),
        .ppEnabledExtensionNames = extensions,
    };
    return gyre_vk_check(
        &device->base.log,
        device->instance.fn.CreateDevice(device->physical, &create, NULL, &device->handle),
        "vkCreateDevice");
}

static enum gyre_status load_functions(struct vk_device *device)
{
    const char *lacks = NULL;
#define LOAD(name)                                                                                 \
    device->fn.name =                                                                              \
        (PFN_vk##name)device->instance.fn.GetDeviceProcAddr(device->handle, "vk" #name);           \
    lacks = device->fn.name == NULL ? "vk" #name : lacks;
    VK_DEVICE_FNS(LOAD)
#undef LOAD
    if (lacks != NULL)
        return gyre_fail(&device->base.log, GYRE_DEVICE, "vulkan: the device lacks %s", lacks);
    return GYRE_OK;
}

static void read_limits(struct vk_device *device, uint32_t timestamp_bits)
{
    VkPhysicalDeviceProperties p;
    device->instance.fn.GetPhysicalDeviceProperties(device->physical, &p);
    device->instance.fn.GetPhysicalDeviceMemoryProperties(device->physical, &device->memory);
    device->max_bindings = p.limits.maxPerStageDescriptorStorageBuffers;
    device->timestamp_period = (double)p.limits.timestampPeriod;
    if (timestamp_bits != 0)
        device->timestamp_mask = UINT64_MAX >> (64u - timestamp_bits);
    int used = snprintf(device->cache_tag, sizeof(device->cache_tag), "%x:%x %x ", p.vendorID,
                        p.deviceID, p.driverVersion);
    for (size_t i = 0; i < VK_UUID_SIZE; i++)
        used += snprintf(device->cache_tag + used, sizeof(device->cache_tag) - (size_t)used, "%02x",
                         p.pipelineCacheUUID[i]);
}

static enum gyre_status open_parts(struct vk_device *device)
{
    uint32_t timestamp_bits;
    enum gyre_status status;
    if (!gyre_vk_instance_open(&device->base.log, &device->instance))
        return gyre_fail(&device->base.log, GYRE_DEVICE, "vulkan: it has gone");
    status = find_physical(device);
    if (status != GYRE_OK)
        return status;
    if (!gyre_vk_find_queue(&device->instance, device->physical, &device->queue_family,
                            &timestamp_bits))
        return gyre_fail(&device->base.log, GYRE_DEVICE, "vulkan: no compute queue");
    status = create_handle(device);
    if (status == GYRE_OK)
        status = load_functions(device);
    if (status != GYRE_OK)
        return status;
    read_limits(device, timestamp_bits);
    device->fn.GetDeviceQueue(device->handle, device->queue_family, 0, &device->queue);
    return GYRE_OK;
}

static void close_device(struct gyre_device *base)
{
    struct vk_device *device = (struct vk_device *)base;
    if (device->handle != VK_NULL_HANDLE) {
        gyre_vk_kernels_destroy(device);
        if (device->fn.DestroyDevice != NULL)
            device->fn.DestroyDevice(device->handle, NULL);
    }
    gyre_vk_instance_close(&device->instance);
    pthread_mutex_destroy(&device->kernels_lock);
    pthread_mutex_destroy(&device->queue_lock);
    free(device);
}

static enum gyre_status open_device(const struct gyre_device_params *params,
                                    const struct gyre_device_info *info, struct gyre_cache *cache,
                                    struct gyre_device **out)
{
    struct vk_device *device = calloc(1, sizeof(*device));
    if (device == NULL)
        return gyre_fail(&params->log, GYRE_NO_MEMORY, "vulkan: no memory for a device");
    device->base.backend = &gyre_backend_vulkan;
    device->base.log = params->log;
    device->base.info = *info;
    device->base.cache = cache;
    pthread_mutex_init(&device->queue_lock, NULL);
    pthread_mutex_init(&device->kernels_lock, NULL);
    enum gyre_status status = open_parts(device);
    if (status != GYRE_OK) {
        close_device(&device->base);
        return status;
    }
    *out = &device->base;
    return GYRE_OK;
}

const struct gyre_backend gyre_backend_vulkan = {
    .kind = GYRE_BACKEND_VULKAN,
    .list = list,
    .open = open_device,
    .close = close_device,
    .buffer_create = gyre_vk_buffer_create,
    .buffer_destroy = gyre_vk_buffer_destroy,
    .buffer_write = gyre_vk_buffer_write,
    .buffer_read = gyre_vk_buffer_read,
    .stream_create = gyre_vk_stream_create,
    .stream_destroy = gyre_vk_stream_destroy,
    .stream_submit = gyre_vk_stream_submit,
    .stream_finish = gyre_vk_stream_finish,
    .stream_wait = gyre_vk_stream_wait,
    .prepare = gyre_vk_prepare,
    .dispatch = gyre_vk_dispatch,
    .event_wait = gyre_vk_event_wait,
    .event_device_time = gyre_vk_event_device_time,
    .event_destroy = gyre_vk_event_destroy,
};
