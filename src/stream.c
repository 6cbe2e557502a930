// SPDX-License-Identifier: MIT
#include "stream.h"

#include "log.h"

enum gyre_status gyre_stream_create(struct gyre_device *device, struct gyre_stream **out)
{
    if (out == NULL)
        return gyre_fail(device ? &device->log : NULL, GYRE_INVALID, "stream: out is NULL");
    *out = NULL;
    if (device == NULL)
        return GYRE_INVALID;
    enum gyre_status status = device->backend->stream_create(device, out);
    if (status != GYRE_OK)
        return status;
    (*out)->device = device;
    gyre_device_retain(device);
    return GYRE_OK;
}

void gyre_stream_destroy(struct gyre_stream **stream)
{
    if (stream == NULL || *stream == NULL)
        return;
    struct gyre_device *device = (*stream)->device;
    device->backend->stream_finish(*stream);
    gyre_buffer_destroy(&(*stream)->scratch);
    device->backend->stream_destroy(*stream);
    *stream = NULL;
    gyre_device_release(device);
}

enum gyre_status gyre_stream_submit(struct gyre_stream *stream, struct gyre_event **event)
{
    if (event != NULL)
        *event = NULL;
    if (stream == NULL)
        return GYRE_INVALID;
    enum gyre_status status = stream->device->backend->stream_submit(stream, event);
    if (status == GYRE_OK && event != NULL) {
        (*event)->device = stream->device;
        gyre_device_retain(stream->device);
    }
    return status;
}

enum gyre_status gyre_stream_finish(struct gyre_stream *stream)
{
    return stream ? stream->device->backend->stream_finish(stream) : GYRE_INVALID;
}

enum gyre_status gyre_stream_wait(struct gyre_stream *stream, const struct gyre_event *event)
{
    if (stream == NULL)
        return GYRE_INVALID;
    if (event == NULL || event->device != stream->device)
        return gyre_fail(&stream->device->log, GYRE_INVALID,
                         "stream wait: no event, or one of another device");
    return stream->device->backend->stream_wait(stream, event);
}

enum gyre_status gyre_stream_scratch(struct gyre_stream *stream, uint64_t size,
                                     struct gyre_buffer **out)
{
    *out = stream->scratch;
    if (stream->scratch != NULL && stream->scratch->size >= size)
        return GYRE_OK;
    // Work in flight may still use the old one.
    enum gyre_status status = stream->device->backend->stream_finish(stream);
    if (status != GYRE_OK)
        return status;
    gyre_buffer_destroy(&stream->scratch);
    status = gyre_buffer_create(stream->device, size, &stream->scratch);
    *out = stream->scratch;
    return status;
}

uint64_t gyre_stream_scratch_size(const struct gyre_stream *stream)
{
    return stream != NULL && stream->scratch != NULL ? stream->scratch->size : 0;
}

enum gyre_status gyre_event_wait(struct gyre_event *event, uint64_t timeout_ns)
{
    return event ? event->device->backend->event_wait(event, timeout_ns) : GYRE_INVALID;
}

enum gyre_status gyre_event_device_time(struct gyre_event *event, uint64_t *ns)
{
    if (event == NULL || ns == NULL)
        return GYRE_INVALID;
    return event->device->backend->event_device_time(event, ns);
}

void gyre_event_destroy(struct gyre_event **event)
{
    if (event == NULL || *event == NULL)
        return;
    struct gyre_device *device = (*event)->device;
    device->backend->event_destroy(*event);
    *event = NULL;
    gyre_device_release(device);
}
