// SPDX-License-Identifier: MIT
// A stream's command buffers and what their commands need, reused when done.
#ifndef GYRE_VULKAN_BATCH_H
#define GYRE_VULKAN_BATCH_H

#include "vk.h"

enum { VK_BATCH_DISPATCHES = 64 };

struct vk_batch {
    struct vk_batch *next;
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkDescriptorPool sets;
    struct vk_memory args; // VK_BATCH_DISPATCHES slots
    uint32_t n_dispatches;
    struct vk_done *done;
};

struct vk_stream {
    struct gyre_stream base;
    struct vk_batch *recording;                  // NULL: none begun
    struct vk_batch *submitted, **submitted_end; // oldest first
    struct vk_batch *idle;
    uint32_t n_batches;
    struct vk_done *first;    // first submission since the last event
    struct vk_done *last;     // latest submission, unless it has been retired
    struct vk_memory staging; // made when first needed
    enum gyre_status status;  // of the first failure: from there on results are void
};

static inline struct vk_device *gyre_vk_device_of(const struct vk_stream *stream)
{
    return (struct vk_device *)stream->base.device;
}

// Bytes between the arguments of two dispatches of a batch.
uint32_t gyre_vk_args_slot_size(const struct vk_device *device);

// Makes stream->recording a batch that takes commands.
enum gyre_status gyre_vk_batch_begin(struct vk_stream *stream);
// Submits stream->recording, if there is one.
enum gyre_status gyre_vk_batch_submit(struct vk_stream *stream);
// Waits until all submitted batches are done.
enum gyre_status gyre_vk_batches_wait(struct vk_stream *stream);
// Nothing may be running.
void gyre_vk_batches_destroy(struct vk_stream *stream);
// Orders everything before against everything after, on the device.
void gyre_vk_barrier(struct vk_stream *stream);

#endif
