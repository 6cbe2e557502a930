// SPDX-License-Identifier: MIT
#include "batch.h"

#include <stdlib.h>

enum { MAX_BATCHES = 8 }; // per stream; then the host waits for the oldest

// A multiple of every alignment that devices ask for.
uint32_t gyre_vk_args_slot_size(const struct vk_device *device)
{
    uint32_t align = device->base.info.offset_align;
    return align > GYRE_MAX_ARGS ? align : GYRE_MAX_ARGS;
}

static void batch_destroy(struct vk_device *device, struct vk_batch *batch)
{
    device->fn.DestroyCommandPool(device->handle, batch->pool, NULL);
    device->fn.DestroyDescriptorPool(device->handle, batch->sets, NULL);
    gyre_vk_memory_destroy(device, &batch->args);
    gyre_vk_done_unref(&batch->done);
    free(batch);
}

static enum gyre_status create_commands(struct vk_device *device, struct vk_batch *batch)
{
    const VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .queueFamilyIndex = device->queue_family,
    };
    VkResult result = device->fn.CreateCommandPool(device->handle, &pool, NULL, &batch->pool);
    if (result < 0)
        return gyre_vk_check(&device->base.log, result, "vkCreateCommandPool");
    const VkCommandBufferAllocateInfo commands = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = batch->pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1,
    };
    result = device->fn.AllocateCommandBuffers(device->handle, &commands, &batch->commands);
    return gyre_vk_check(&device->base.log, result, "vkAllocateCommandBuffers");
}

static enum gyre_status create_sets(struct vk_device *device, struct vk_batch *batch)
{
    static const VkDescriptorPoolSize sizes[] = {
        {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, VK_BATCH_DISPATCHES * GYRE_MAX_BUFS},
        {VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, VK_BATCH_DISPATCHES},
    };
    const VkDescriptorPoolCreateInfo sets = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = VK_BATCH_DISPATCHES,
        .poolSizeCount = sizeof(sizes) / sizeof(*sizes),
        .pPoolSizes = sizes,
    };
    return gyre_vk_check(&device->base.log,
                         device->fn.CreateDescriptorPool(device->handle, &sets, NULL, &batch->sets),
                         "vkCreateDescriptorPool");
}

static enum gyre_status batch_create(struct vk_stream *stream)
{
    struct vk_device *device = gyre_vk_device_of(stream);
    struct vk_batch *batch = calloc(1, sizeof(*batch));
    if (batch == NULL)
        return gyre_fail(&device->base.log, GYRE_NO_MEMORY, "vulkan: no memory for a batch");
    enum gyre_status status = create_commands(device, batch);
    if (status == GYRE_OK)
        status = create_sets(device, batch);
    if (status == GYRE_OK)
        status = gyre_vk_memory_create(
            device, (uint64_t)VK_BATCH_DISPATCHES * gyre_vk_args_slot_size(device), VK_MEMORY_ARGS,
            &batch->args);
    if (status == GYRE_OK)
        status = gyre_vk_done_create(device, &batch->done);
    if (status != GYRE_OK) {
        batch_destroy(device, batch);
        return status;
    }
    batch->next = stream->idle;
    stream->idle = batch;
    stream->n_batches++;
    return GYRE_OK;
}

// Makes a batch that has ended ready for use.
static enum gyre_status batch_reset(struct vk_stream *stream, struct vk_batch *batch)
{
    struct vk_device *device = gyre_vk_device_of(stream);
    batch->n_dispatches = 0;
    // An event may still look at the fence and the times: it then keeps them, and we take new ones.
    if (atomic_load(&batch->done->n_refs) != 1) {
        gyre_vk_done_unref(&batch->done);
        enum gyre_status status = gyre_vk_done_create(device, &batch->done);
        if (status != GYRE_OK)
            return status;
    } else {
        VkResult result = device->fn.ResetFences(device->handle, 1, &batch->done->fence);
        if (result < 0)
            return gyre_vk_check(&device->base.log, result, "vkResetFences");
    }
    device->fn.ResetDescriptorPool(device->handle, batch->sets, 0);
    return gyre_vk_check(&device->base.log,
                         device->fn.ResetCommandPool(device->handle, batch->pool, 0),
                         "vkResetCommandPool");
}

// Takes the oldest submitted batch back, waiting for it at most so long.
static enum gyre_status retire_oldest(struct vk_stream *stream, uint64_t timeout_ns)
{
    struct vk_batch *batch = stream->submitted;
    enum gyre_status status = gyre_vk_done_wait(batch->done, timeout_ns);
    if (status != GYRE_OK)
        return status;
    stream->submitted = batch->next;
    if (stream->submitted == NULL)
        stream->submitted_end = &stream->submitted;
    if (batch->done == stream->last)
        gyre_vk_done_unref(&stream->last);
    status = batch_reset(stream, batch);
    if (status != GYRE_OK) {
        batch_destroy(gyre_vk_device_of(stream), batch);
        stream->n_batches--;
        return status;
    }
    batch->next = stream->idle;
    stream->idle = batch;
    return GYRE_OK;
}

// Leaves at least one batch in stream->idle.
static enum gyre_status find_idle(struct vk_stream *stream)
{
    enum gyre_status status = GYRE_OK;
    while (stream->submitted != NULL && status == GYRE_OK)
        status = retire_oldest(stream, 0);
    if (status != GYRE_OK && status != GYRE_TIMEOUT)
        return status;
    if (stream->idle != NULL)
        return GYRE_OK;
    return stream->n_batches < MAX_BATCHES ? batch_create(stream)
                                           : retire_oldest(stream, UINT64_MAX);
}

enum gyre_status gyre_vk_batch_begin(struct vk_stream *stream)
{
    const struct vk_device *device = gyre_vk_device_of(stream);
    const VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };
    if (stream->recording != NULL)
        return GYRE_OK;
    enum gyre_status status = find_idle(stream);
    if (status != GYRE_OK)
        return status;
    struct vk_batch *batch = stream->idle;
    VkResult result = device->fn.BeginCommandBuffer(batch->commands, &begin);
    if (result < 0)
        return gyre_vk_check(&device->base.log, result, "vkBeginCommandBuffer");
    stream->idle = batch->next;
    batch->next = NULL;
    stream->recording = batch;
    if (batch->done->times != VK_NULL_HANDLE) {
        device->fn.CmdResetQueryPool(batch->commands, batch->done->times, 0, 2);
        // Of the bottom, so that it is not taken while an earlier batch still runs.
        device->fn.CmdWriteTimestamp(batch->commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT,
                                     batch->done->times, 0);
    }
    return GYRE_OK;
}

enum {
    WORK_STAGES = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
    WORK_WRITES = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
    WORK_READS = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT,
};

static void barrier(const struct vk_stream *stream, VkPipelineStageFlags stages,
                    VkAccessFlags access)
{
    const VkMemoryBarrier memory = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = WORK_WRITES,
        .dstAccessMask = access,
    };
    gyre_vk_device_of(stream)->fn.CmdPipelineBarrier(stream->recording->commands, WORK_STAGES,
                                                     stages, 0, 1, &memory, 0, NULL, 0, NULL);
}

void gyre_vk_barrier(struct vk_stream *stream)
{
    barrier(stream, WORK_STAGES, WORK_READS | WORK_WRITES);
}

static VkResult end_commands(const struct vk_stream *stream)
{
    const struct vk_device *device = gyre_vk_device_of(stream);
    const struct vk_batch *batch = stream->recording;
    barrier(stream, VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT);
    if (batch->done->times != VK_NULL_HANDLE)
        device->fn.CmdWriteTimestamp(batch->commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT,
                                     batch->done->times, 1);
    return device->fn.EndCommandBuffer(batch->commands);
}

static VkResult queue_submit(struct vk_device *device, const struct vk_batch *batch)
{
    const VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .commandBufferCount = 1,
        .pCommandBuffers = &batch->commands,
    };
    pthread_mutex_lock(&device->queue_lock);
    VkResult result = device->fn.QueueSubmit(device->queue, 1, &submit, batch->done->fence);
    pthread_mutex_unlock(&device->queue_lock);
    return result;
}

enum gyre_status gyre_vk_batch_submit(struct vk_stream *stream)
{
    struct vk_device *device = gyre_vk_device_of(stream);
    struct vk_batch *batch = stream->recording;
    if (batch == NULL)
        return GYRE_OK;
    VkResult result = end_commands(stream);
    if (result >= 0)
        result = queue_submit(device, batch);
    stream->recording = NULL;
    if (result < 0) { // the batch never ran: nothing waits for it
        batch_destroy(device, batch);
        stream->n_batches--;
        return gyre_vk_check(&device->base.log, result, "vkQueueSubmit");
    }
    *stream->submitted_end = batch;
    stream->submitted_end = &batch->next;
    gyre_vk_done_unref(&stream->last);
    stream->last = gyre_vk_done_ref(batch->done);
    if (stream->first == NULL)
        stream->first = gyre_vk_done_ref(batch->done);
    return GYRE_OK;
}

enum gyre_status gyre_vk_batches_wait(struct vk_stream *stream)
{
    enum gyre_status status = GYRE_OK;
    while (stream->submitted != NULL && status == GYRE_OK)
        status = retire_oldest(stream, UINT64_MAX);
    return status;
}

static void destroy_chain(struct vk_stream *stream, struct vk_batch *batch)
{
    while (batch != NULL) {
        struct vk_batch *next = batch->next;
        batch_destroy(gyre_vk_device_of(stream), batch);
        batch = next;
    }
}

void gyre_vk_batches_destroy(struct vk_stream *stream)
{
    destroy_chain(stream, stream->recording);
    destroy_chain(stream, stream->submitted);
    destroy_chain(stream, stream->idle);
    gyre_vk_done_unref(&stream->first);
    gyre_vk_done_unref(&stream->last);
}
