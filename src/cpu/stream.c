// SPDX-License-Identifier: MIT
// Streams and events of the CPU device. Work is done when it is enqueued, so nothing ever waits.
#include <stdlib.h>

#include "cpu.h"
#include "log.h"

enum gyre_status gyre_cpu_stream_create(struct gyre_device *device, struct gyre_stream **out)
{
    struct gyre_cpu_stream *stream = calloc(1, sizeof(*stream));
    if (stream == NULL)
        return gyre_fail(&device->log, GYRE_NO_MEMORY, "cpu: no memory for a stream");
    stream->base.device = device;
    *out = &stream->base;
    return GYRE_OK;
}

void gyre_cpu_stream_destroy(struct gyre_stream *stream)
{
    free(stream);
}

enum gyre_status gyre_cpu_stream_submit(struct gyre_stream *stream, struct gyre_event **event)
{
    struct gyre_cpu_stream *cpu = (struct gyre_cpu_stream *)stream;
    if (event != NULL) {
        struct gyre_cpu_event *reached = calloc(1, sizeof(*reached));
        if (reached == NULL)
            return gyre_fail(&stream->device->log, GYRE_NO_MEMORY, "cpu: no memory for an event");
        reached->base.device = stream->device;
        reached->busy_ns = cpu->busy_ns;
        *event = &reached->base;
    }
    cpu->busy_ns = 0;
    return GYRE_OK;
}

enum gyre_status gyre_cpu_stream_finish(struct gyre_stream *stream)
{
    return gyre_cpu_stream_submit(stream, NULL);
}

enum gyre_status gyre_cpu_stream_wait(struct gyre_stream *stream, const struct gyre_event *event)
{
    (void)stream;
    (void)event;
    return GYRE_OK;
}

enum gyre_status gyre_cpu_event_wait(struct gyre_event *event, uint64_t timeout_ns)
{
    (void)event;
    (void)timeout_ns;
    return GYRE_OK;
}

enum gyre_status gyre_cpu_event_device_time(struct gyre_event *event, uint64_t *ns)
{
    *ns = ((struct gyre_cpu_event *)event)->busy_ns;
    return GYRE_OK;
}

void gyre_cpu_event_destroy(struct gyre_event *event)
{
    free(event);
}
