// SPDX-License-Identifier: MIT
// Streams. All of a device share its one queue, so what is submitted later runs later: that and the
// barrier before each command are the whole order within and between streams.
#include "batch.h"

#include <stdlib.h>
#include <string.h>

enum { STAGING_SIZE = 8 << 20 };

// A stream stays failed: what it was to compute is missing.
static enum gyre_status keep(struct vk_stream *stream, enum gyre_status status)
{
    if (stream->status == GYRE_OK)
        stream->status = status;
    return status;
}

enum gyre_status gyre_vk_stream_create(struct gyre_device *device, struct gyre_stream **out)
{
    struct vk_stream *stream = calloc(1, sizeof(*stream));
    if (stream == NULL)
        return gyre_fail(&device->log, GYRE_NO_MEMORY, "vulkan: no memory for a stream");
    stream->base.device = device;
    stream->submitted_end = &stream->submitted;
    *out = &stream->base;
    return GYRE_OK;
}

void gyre_vk_stream_destroy(struct gyre_stream *base)
{
    struct vk_stream *stream = (struct vk_stream *)base;
    gyre_vk_stream_finish(base);
    gyre_vk_batches_destroy(stream);
    gyre_vk_memory_destroy(gyre_vk_device_of(stream), &stream->staging);
    free(stream);
}

static enum gyre_status make_event(struct vk_stream *stream, struct gyre_event **out)
{
    struct vk_event *event = calloc(1, sizeof(*event));
    if (event == NULL)
        return gyre_fail(&stream->base.device->log, GYRE_NO_MEMORY,
                         "vulkan: no memory for an event");
    event->base.device = stream->base.device;
    event->first = gyre_vk_done_ref(stream->first);
    event->last = gyre_vk_done_ref(stream->last);
    *out = &event->base;
    return GYRE_OK;
}

enum gyre_status gyre_vk_stream_submit(struct gyre_stream *base, struct gyre_event **event)
{
    struct vk_stream *stream = (struct vk_stream *)base;
    if (stream->status == GYRE_OK)
        keep(stream, gyre_vk_batch_submit(stream));
    if (stream->status != GYRE_OK)
        return stream->status;
    enum gyre_status status = event == NULL ? GYRE_OK : make_event(stream, event);
    gyre_vk_done_unref(&stream->first); // the next event's time starts here
    return status;
}

enum gyre_status gyre_vk_stream_finish(struct gyre_stream *base)
{
    struct vk_stream *stream = (struct vk_stream *)base;
    gyre_vk_stream_submit(base, NULL);
    keep(stream, gyre_vk_batches_wait(stream));
    return stream->status;
}

enum gyre_status gyre_vk_stream_wait(struct gyre_stream *base, const struct gyre_event *event)
{
    struct vk_stream *stream = (struct vk_stream *)base;
    (void)event; // it has been submitted, so the queue's order is enough for the device
    // The host waits for this stream's own batches only: one from here on covers what is earlier.
    return stream->status == GYRE_OK ? keep(stream, gyre_vk_batch_begin(stream)) : stream->status;
}

static void fill_sets(const struct vk_stream *stream, const struct vk_kernel *kernel,
                      const struct gyre_dispatch *dispatch, VkDescriptorSet set)
{
    const struct vk_device *device = gyre_vk_device_of(stream);
    const struct vk_batch *batch = stream->recording;
    const struct gyre_kernel *what = dispatch->variant.kernel;
    VkDescriptorBufferInfo infos[GYRE_MAX_BUFS + 1];
    VkWriteDescriptorSet writes[GYRE_MAX_BUFS + 1];
    uint32_t n_all = what->n_bufs, n = 0;

    for (uint32_t i = 0; i < what->n_bufs; i++) {
        const struct gyre_span *span = &dispatch->bufs[i];
        // Kernels read bytes as whole words; buffers are made long enough for that.
        infos[i] = (VkDescriptorBufferInfo){((struct vk_buffer *)span->buffer)->memory.buffer,
                                            span->offset, (span->size + 3u) & ~UINT64_C(3)};
    }
    if (gyre_vk_has_args_buffer(what)) {
        uint64_t offset = (uint64_t)batch->n_dispatches * gyre_vk_args_slot_size(device);
        memcpy(batch->args.map + offset, dispatch->args, what->args_size);
        infos[n_all++] = (VkDescriptorBufferInfo){batch->args.buffer, offset, what->args_size};
    }
    for (uint32_t i = 0; i < n_all; i++)
        if ((kernel->variant.absent >> i & 1u) == 0)
            writes[n++] = (VkWriteDescriptorSet){
                .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                .dstSet = set,
                .dstBinding = i,
                .descriptorCount = 1,
                .descriptorType = gyre_vk_binding_type(what, i),
                .pBufferInfo = &infos[i],
            };
    device->fn.UpdateDescriptorSets(device->handle, n, writes, 0, NULL);
}

static void record(struct vk_stream *stream, const struct vk_kernel *kernel, VkDescriptorSet set,
                   const struct gyre_dispatch *dispatch)
{
    const struct vk_device_fns *fn = &gyre_vk_device_of(stream)->fn;
    VkCommandBuffer commands = stream->recording->commands;
    const uint32_t args_size = dispatch->variant.kernel->args_size;

    gyre_vk_barrier(stream);
    fn->CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, kernel->pipeline);
    fn->CmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, kernel->layout, 0, 1, &set,
                              0, NULL);
    if (!gyre_vk_has_args_buffer(dispatch->variant.kernel))
        fn->CmdPushConstants(commands, kernel->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, args_size,
                             dispatch->args);
    fn->CmdDispatch(commands, dispatch->groups[0], dispatch->groups[1], dispatch->groups[2]);
    stream->recording->n_dispatches++;
}

static enum gyre_status enqueue(struct vk_stream *stream, const struct vk_kernel *kernel,
                                const struct gyre_dispatch *dispatch)
{
    struct vk_device *device = gyre_vk_device_of(stream);
    enum gyre_status status = gyre_vk_batch_begin(stream);
    if (status != GYRE_OK)
        return status;
    const VkDescriptorSetAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = stream->recording->sets,
        .descriptorSetCount = 1,
        .pSetLayouts = &kernel->set_layout,
    };
    VkDescriptorSet set;
    VkResult result = device->fn.AllocateDescriptorSets(device->handle, &info, &set);
    if (result < 0)
        return gyre_vk_check(&device->base.log, result, "vkAllocateDescriptorSets");
    fill_sets(stream, kernel, dispatch, set);
    record(stream, kernel, set, dispatch);
    if (stream->recording->n_dispatches == VK_BATCH_DISPATCHES)
        return gyre_vk_batch_submit(stream);
    return GYRE_OK;
}

enum gyre_status gyre_vk_dispatch(struct gyre_stream *base, const struct gyre_dispatch *dispatch)
{
    struct vk_stream *stream = (struct vk_stream *)base;
    const struct vk_kernel *kernel;
    if (stream->status != GYRE_OK)
        return stream->status;
    enum gyre_status status =
        gyre_vk_kernel_get(gyre_vk_device_of(stream), &dispatch->variant, &kernel);
    return status == GYRE_OK ? keep(stream, enqueue(stream, kernel, dispatch)) : status;
}

// Copies between a buffer and the first bytes of the staging memory; blocks.
static enum gyre_status copy_staged(struct vk_stream *stream, VkBuffer src, uint64_t src_offset,
                                    VkBuffer dst, uint64_t dst_offset, uint64_t size)
{
    const VkBufferCopy region = {src_offset, dst_offset, size};
    enum gyre_status status = keep(stream, gyre_vk_batch_begin(stream));
    if (status != GYRE_OK)
        return status;
    gyre_vk_barrier(stream);
    gyre_vk_device_of(stream)->fn.CmdCopyBuffer(stream->recording->commands, src, dst, 1, &region);
    return gyre_vk_stream_finish(&stream->base);
}

static enum gyre_status need_staging(struct vk_stream *stream)
{
    if (stream->staging.map != NULL)
        return GYRE_OK;
    return gyre_vk_memory_create(gyre_vk_device_of(stream), STAGING_SIZE, VK_MEMORY_STAGING,
                                 &stream->staging);
}

static uint64_t chunk_size(uint64_t left)
{
    return left < STAGING_SIZE ? left : STAGING_SIZE;
}

enum gyre_status gyre_vk_buffer_write(struct gyre_stream *base, struct gyre_buffer *buffer,
                                      uint64_t offset, uint64_t size, const void *src)
{
    struct vk_stream *stream = (struct vk_stream *)base;
    const struct vk_memory *memory = &((struct vk_buffer *)buffer)->memory;
    enum gyre_status status = gyre_vk_stream_finish(base);
    if (status == GYRE_OK && memory->map != NULL) {
        memcpy(memory->map + offset, src, size);
        return GYRE_OK;
    }
    if (status == GYRE_OK)
        status = need_staging(stream);
    for (uint64_t done = 0, n; done < size && status == GYRE_OK; done += n) {
        n = chunk_size(size - done);
        memcpy(stream->staging.map, (const uint8_t *)src + done, n);
        status = copy_staged(stream, stream->staging.buffer, 0, memory->buffer, offset + done, n);
    }
    return status;
}

enum gyre_status gyre_vk_buffer_read(struct gyre_stream *base, struct gyre_buffer *buffer,
                                     uint64_t offset, uint64_t size, void *dst)
{
    struct vk_stream *stream = (struct vk_stream *)base;
    const struct vk_memory *memory = &((struct vk_buffer *)buffer)->memory;
    enum gyre_status status = gyre_vk_stream_finish(base);
    if (status == GYRE_OK && memory->map != NULL) {
        memcpy(dst, memory->map + offset, size);
        return GYRE_OK;
    }
    if (status == GYRE_OK)
        status = need_staging(stream);
    for (uint64_t done = 0, n; done < size && status == GYRE_OK; done += n) {
        n = chunk_size(size - done);
        status = copy_staged(stream, memory->buffer, offset + done, stream->staging.buffer, 0, n);
        if (status == GYRE_OK)
            memcpy((uint8_t *)dst + done, stream->staging.map, n);
    }
    return status;
}
