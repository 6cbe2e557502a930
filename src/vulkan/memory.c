// SPDX-License-Identifier: MIT
// Buffers, each with memory of its own.
#include "vk.h"

#include <stdlib.h>
#include <string.h>

enum {
    LOCAL = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
    // Coherent always: mapped memory then needs no flushing.
    MAPPED = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
    CACHED = VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
};

// Kinds of memory from best to last resort; an empty row matches any.
static const VkMemoryPropertyFlags wanted_unified[] = {LOCAL | MAPPED | CACHED, LOCAL | MAPPED,
                                                       LOCAL, 0};
static const VkMemoryPropertyFlags wanted_discrete[] = {LOCAL, LOCAL, LOCAL, 0};
static const VkMemoryPropertyFlags wanted_args[] = {LOCAL | MAPPED, MAPPED, MAPPED, MAPPED};
static const VkMemoryPropertyFlags wanted_staging[] = {MAPPED | CACHED, MAPPED, MAPPED, MAPPED};
enum { N_WANTED = 4 };

// GYRE_VK_STAGING=1 has any device take the way of discrete GPUs, so that it can be tested.
static bool is_mapping_wanted(const struct vk_device *device, enum vk_memory_use use)
{
    const char *staging = getenv("GYRE_VK_STAGING");
    if (use != VK_MEMORY_TENSOR)
        return true;
    return device->base.info.has_unified_memory && (staging == NULL || strcmp(staging, "1") != 0);
}

static const VkMemoryPropertyFlags *wanted_of(const struct vk_device *device,
                                              enum vk_memory_use use)
{
    if (use == VK_MEMORY_TENSOR)
        return is_mapping_wanted(device, use) ? wanted_unified : wanted_discrete;
    return use == VK_MEMORY_ARGS ? wanted_args : wanted_staging;
}

// Index of the first memory type that fits; UINT32_MAX when none does.
static uint32_t find_type(const struct vk_device *device, uint32_t allowed,
                          const VkMemoryPropertyFlags *wanted)
{
    for (uint32_t w = 0; w < N_WANTED; w++) {
        for (uint32_t i = 0; i < device->memory.memoryTypeCount; i++) {
            VkMemoryPropertyFlags flags = device->memory.memoryTypes[i].propertyFlags;
            if ((allowed >> i & 1u) && (flags & wanted[w]) == wanted[w])
                return i;
        }
    }
    return UINT32_MAX;
}

static enum gyre_status create_buffer(struct vk_device *device, uint64_t size, VkBuffer *out)
{
    const VkBufferCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = (size + 15u) & ~UINT64_C(15), // kernels read bytes as words
        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT |
                 VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
    };
    return gyre_vk_check(&device->base.log,
                         device->fn.CreateBuffer(device->handle, &create, NULL, out),
                         "vkCreateBuffer");
}

// Allocates from the best memory type that fits and is not full; *type tells which.
static enum gyre_status allocate(struct vk_device *device, enum vk_memory_use use,
                                 struct vk_memory *memory, uint32_t *type)
{
    VkMemoryRequirements needs;
    VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    device->fn.GetBufferMemoryRequirements(device->handle, memory->buffer, &needs);
    uint32_t allowed = needs.memoryTypeBits;
    while (result == VK_ERROR_OUT_OF_DEVICE_MEMORY) {
        *type = find_type(device, allowed, wanted_of(device, use));
        if (*type == UINT32_MAX)
            break;
        const VkMemoryAllocateInfo info = {
            .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
            .allocationSize = needs.size,
            .memoryTypeIndex = *type,
        };
        result = device->fn.AllocateMemory(device->handle, &info, NULL, &memory->memory);
        allowed &= ~(1u << *type);
    }
    return gyre_vk_check(&device->base.log, result, "vkAllocateMemory");
}

static enum gyre_status map(struct vk_device *device, struct vk_memory *memory)
{
    void *map;
    VkResult result =
        device->fn.MapMemory(device->handle, memory->memory, 0, VK_WHOLE_SIZE, 0, &map);
    if (result < 0)
        return gyre_vk_check(&device->base.log, result, "vkMapMemory");
    memory->map = map;
    return GYRE_OK;
}

enum gyre_status gyre_vk_memory_create(struct vk_device *device, uint64_t size,
                                       enum vk_memory_use use, struct vk_memory *out)
{
    uint32_t type;
    memset(out, 0, sizeof(*out));
    enum gyre_status status = create_buffer(device, size, &out->buffer);
    if (status == GYRE_OK)
        status = allocate(device, use, out, &type);
    if (status == GYRE_OK)
        status =
            gyre_vk_check(&device->base.log,
                          device->fn.BindBufferMemory(device->handle, out->buffer, out->memory, 0),
                          "vkBindBufferMemory");
    if (status == GYRE_OK && is_mapping_wanted(device, use) &&
        (device->memory.memoryTypes[type].propertyFlags & MAPPED) == MAPPED)
        status = map(device, out);
    if (status != GYRE_OK)
        gyre_vk_memory_destroy(device, out);
    return status;
}

void gyre_vk_memory_destroy(struct vk_device *device, struct vk_memory *memory)
{
    device->fn.DestroyBuffer(device->handle, memory->buffer, NULL);
    device->fn.FreeMemory(device->handle, memory->memory, NULL); // unmaps too
    memset(memory, 0, sizeof(*memory));
}

enum gyre_status gyre_vk_buffer_create(struct gyre_device *base, uint64_t size,
                                       struct gyre_buffer **out)
{
    struct vk_device *device = (struct vk_device *)base;
    struct vk_buffer *buffer = calloc(1, sizeof(*buffer));
    if (buffer == NULL)
        return gyre_fail(&base->log, GYRE_NO_MEMORY, "vulkan: no memory for a buffer");
    enum gyre_status status =
        gyre_vk_memory_create(device, size, VK_MEMORY_TENSOR, &buffer->memory);
    if (status != GYRE_OK) {
        free(buffer);
        return status;
    }
    buffer->base.device = base;
    buffer->base.size = size;
    *out = &buffer->base;
    return GYRE_OK;
}

void gyre_vk_buffer_destroy(struct gyre_buffer *base)
{
    struct vk_buffer *buffer = (struct vk_buffer *)base;
    gyre_vk_memory_destroy((struct vk_device *)base->device, &buffer->memory);
    free(buffer);
}
