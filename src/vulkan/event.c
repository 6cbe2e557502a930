// SPDX-License-Identifier: MIT
// Ends of submissions, shared by the batches that bring them and the events that wait for them.
#include "vk.h"

#include <stdlib.h>
#include <string.h>

static enum gyre_status create_parts(struct vk_device *device, struct vk_done *done)
{
    const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    const VkQueryPoolCreateInfo times = {
        .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
        .queryType = VK_QUERY_TYPE_TIMESTAMP,
        .queryCount = 2,
    };
    enum gyre_status status = gyre_vk_check(
        &device->base.log, device->fn.CreateFence(device->handle, &fence, NULL, &done->fence),
        "vkCreateFence");
    if (status != GYRE_OK || device->timestamp_mask == 0)
        return status;
    return gyre_vk_check(&device->base.log,
                         device->fn.CreateQueryPool(device->handle, &times, NULL, &done->times),
                         "vkCreateQueryPool");
}

enum gyre_status gyre_vk_done_create(struct vk_device *device, struct vk_done **out)
{
    struct vk_done *done = calloc(1, sizeof(*done));
    if (done == NULL)
        return gyre_fail(&device->base.log, GYRE_NO_MEMORY, "vulkan: no memory for a submission");
    done->device = device;
    atomic_init(&done->n_refs, 1);
    enum gyre_status status = create_parts(device, done);
    if (status != GYRE_OK)
        gyre_vk_done_unref(&done);
    *out = done;
    return status;
}

struct vk_done *gyre_vk_done_ref(struct vk_done *done)
{
    if (done != NULL)
        atomic_fetch_add(&done->n_refs, 1);
    return done;
}

void gyre_vk_done_unref(struct vk_done **done)
{
    struct vk_done *d = *done;
    *done = NULL;
    if (d == NULL || atomic_fetch_sub(&d->n_refs, 1) != 1)
        return;
    d->device->fn.DestroyFence(d->device->handle, d->fence, NULL);
    d->device->fn.DestroyQueryPool(d->device->handle, d->times, NULL);
    free(d);
}

enum gyre_status gyre_vk_done_wait(const struct vk_done *done, uint64_t timeout_ns)
{
    struct vk_device *device = done->device;
    VkResult result =
        device->fn.WaitForFences(device->handle, 1, &done->fence, VK_TRUE, timeout_ns);
    if (result == VK_TIMEOUT)
        return GYRE_TIMEOUT;
    return gyre_vk_check(&device->base.log, result, "vkWaitForFences");
}

enum gyre_status gyre_vk_event_wait(struct gyre_event *base, uint64_t timeout_ns)
{
    struct vk_event *event = (struct vk_event *)base;
    return event->last == NULL ? GYRE_OK : gyre_vk_done_wait(event->last, timeout_ns);
}

static enum gyre_status read_time(const struct vk_done *done, uint32_t query, uint64_t *ticks)
{
    struct vk_device *device = done->device;
    return gyre_vk_check(&device->base.log,
                         device->fn.GetQueryPoolResults(
                             device->handle, done->times, query, 1, sizeof(*ticks), ticks,
                             sizeof(*ticks), VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
                         "vkGetQueryPoolResults");
}

enum gyre_status gyre_vk_event_device_time(struct gyre_event *base, uint64_t *ns)
{
    struct vk_event *event = (struct vk_event *)base;
    const struct vk_device *device = (struct vk_device *)base->device;
    uint64_t start = 0, end = 0;

    if (device->timestamp_mask == 0)
        return GYRE_UNSUPPORTED;
    enum gyre_status status = gyre_vk_event_wait(base, UINT64_MAX);
    if (status == GYRE_OK && event->first != NULL)
        status = read_time(event->first, 0, &start);
    if (status == GYRE_OK && event->first != NULL)
        status = read_time(event->last, 1, &end);
    if (status == GYRE_OK)
        *ns =
            (uint64_t)((double)((end - start) & device->timestamp_mask) * device->timestamp_period);
    return status;
}

void gyre_vk_event_destroy(struct gyre_event *base)
{
    struct vk_event *event = (struct vk_event *)base;
    gyre_vk_done_unref(&event->first);
    gyre_vk_done_unref(&event->last);
    free(event);
}
