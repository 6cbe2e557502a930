// SPDX-License-Identifier: MIT
// Streams: work in order. Events: points in a stream to wait for.
// Threads: a stream is used by one thread at a time; an event by any.
//
// Operators only enqueue: the work may run at once or not before the stream is submitted. Within a
// stream everything happens in order; between streams only gyre_stream_wait orders.
#ifndef GYRE_STREAM_H
#define GYRE_STREAM_H

#include <gyre/device.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gyre_stream;
struct gyre_event;

GYRE_API enum gyre_status gyre_stream_create(struct gyre_device *device, struct gyre_stream **out);

// Waits for the stream's work.
GYRE_API void gyre_stream_destroy(struct gyre_stream **stream);

// Hands what is enqueued to the device without waiting. `event` may be NULL; otherwise it becomes
// an event that is reached when everything enqueued so far is done, and belongs to the caller.
GYRE_API enum gyre_status gyre_stream_submit(struct gyre_stream *stream, struct gyre_event **event);

// Submits, and blocks until everything enqueued so far is done.
GYRE_API enum gyre_status gyre_stream_finish(struct gyre_stream *stream);

// Bytes of device memory that the stream holds for what operators keep between their kernels: the
// most that any call so far took. It is freed with the stream. 0 for NULL. The explanation of a
// call tells what that call takes.
GYRE_API uint64_t gyre_stream_scratch_size(const struct gyre_stream *stream);

// Work enqueued from now on starts after the event, which may be of another stream of the device.
GYRE_API enum gyre_status gyre_stream_wait(struct gyre_stream *stream,
                                           const struct gyre_event *event);

// Blocks until the event or for timeout_ns (UINT64_MAX: for ever; 0: only asks). TIMEOUT when it
// was not reached, otherwise how the work ended.
GYRE_API enum gyre_status gyre_event_wait(struct gyre_event *event, uint64_t timeout_ns);

// Nanoseconds the device spent between the previous submission of the stream and this event, by the
// device's own clock. UNSUPPORTED where it has none. Blocks until the event.
GYRE_API enum gyre_status gyre_event_device_time(struct gyre_event *event, uint64_t *ns);

GYRE_API void gyre_event_destroy(struct gyre_event **event);

#ifdef __cplusplus
}
#endif

#endif
