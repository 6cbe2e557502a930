// SPDX-License-Identifier: MIT
// Streams are in-order queues; events are those of the work itself, so that they carry its times.
#include <stdlib.h>
#include <time.h>

#include "log.h"
#include "opencl/objects.h"

static const struct gyre_cl *cl_of(const struct gyre_device *device)
{
    return &gyre_cl_device_of(device)->cl;
}

static void release(const struct gyre_cl *cl, cl_event *event)
{
    if (*event != NULL)
        cl->clReleaseEvent(*event);
    *event = NULL;
}

static cl_event retain(const struct gyre_cl *cl, cl_event event)
{
    if (event != NULL)
        cl->clRetainEvent(event);
    return event;
}

// How far the work of an event is: CL_COMPLETE or above, or an error, its own or of the query.
static cl_int progress_of(const struct gyre_cl *cl, cl_event event)
{
    cl_int progress = CL_COMPLETE;
    cl_int error = cl->clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof(progress),
                                      &progress, NULL);
    return error != CL_SUCCESS ? error : progress;
}

// --- streams

enum gyre_status gyre_cl_stream_create(struct gyre_device *head, struct gyre_stream **out)
{
    struct gyre_cl_device *device = gyre_cl_device_of(head);
    struct gyre_cl_stream *stream = calloc(1, sizeof(*stream));
    if (stream == NULL)
        return GYRE_NO_MEMORY;
    cl_int error = CL_SUCCESS;
    stream->head.device = head;
    stream->queue = device->cl.clCreateCommandQueue(device->context, device->id,
                                                    CL_QUEUE_PROFILING_ENABLE, &error);
    enum gyre_status status =
        gyre_cl_check(&head->log, error, GYRE_CL_SETUP, "clCreateCommandQueue");
    if (status != GYRE_OK) {
        free(stream);
        return status;
    }
    *out = &stream->head;
    return GYRE_OK;
}

void gyre_cl_stream_destroy(struct gyre_stream *head)
{
    struct gyre_cl_stream *stream = (struct gyre_cl_stream *)head;
    const struct gyre_cl *cl = cl_of(head->device);
    cl->clFinish(stream->queue);
    release(cl, &stream->first);
    release(cl, &stream->last);
    cl->clReleaseCommandQueue(stream->queue);
    free(stream);
}

void gyre_cl_stream_note(struct gyre_cl_stream *stream, cl_event event)
{
    const struct gyre_cl *cl = cl_of(stream->head.device);
    if (stream->first == NULL)
        stream->first = retain(cl, event);
    release(cl, &stream->last);
    stream->last = event;
}

// Makes sure that there is an event to wait for.
static enum gyre_status need_last(struct gyre_cl_stream *stream)
{
    if (stream->last != NULL)
        return GYRE_OK;
    const struct gyre_device *device = stream->head.device;
    cl_int error =
        cl_of(device)->clEnqueueMarkerWithWaitList(stream->queue, 0, NULL, &stream->last);
    return gyre_cl_check(&device->log, error, GYRE_CL_SETUP, "clEnqueueMarkerWithWaitList");
}

// `out` becomes the event of all work so far.
static enum gyre_status make_event(struct gyre_cl_stream *stream, struct gyre_event **out)
{
    const struct gyre_cl *cl = cl_of(stream->head.device);
    struct gyre_cl_event *event = calloc(1, sizeof(*event));
    if (event == NULL)
        return GYRE_NO_MEMORY;
    enum gyre_status status = need_last(stream);
    if (status != GYRE_OK) {
        free(event);
        return status;
    }
    event->head.device = stream->head.device;
    event->first = retain(cl, stream->first);
    event->last = retain(cl, stream->last);
    *out = &event->head;
    return GYRE_OK;
}

enum gyre_status gyre_cl_stream_submit(struct gyre_stream *head, struct gyre_event **event)
{
    struct gyre_cl_stream *stream = (struct gyre_cl_stream *)head;
    const struct gyre_cl *cl = cl_of(head->device);
    struct gyre_event *made = NULL;
    enum gyre_status status = event != NULL ? make_event(stream, &made) : GYRE_OK;
    if (status == GYRE_OK)
        status =
            gyre_cl_check(&head->device->log, cl->clFlush(stream->queue), GYRE_CL_SETUP, "clFlush");
    if (status != GYRE_OK) {
        if (made != NULL)
            gyre_cl_event_destroy(made);
        return status;
    }
    release(cl, &stream->first);
    if (event != NULL)
        *event = made;
    return GYRE_OK;
}

enum gyre_status gyre_cl_stream_finish(struct gyre_stream *head)
{
    struct gyre_cl_stream *stream = (struct gyre_cl_stream *)head;
    const struct gyre_cl *cl = cl_of(head->device);
    release(cl, &stream->first);
    cl_int error = cl->clFinish(stream->queue);
    if (error == CL_SUCCESS && stream->last != NULL) // it may succeed where work has failed
        error = progress_of(cl, stream->last);
    return gyre_cl_check(&head->device->log, error, GYRE_CL_RUN, "clFinish");
}

enum gyre_status gyre_cl_stream_wait(struct gyre_stream *head, const struct gyre_event *event)
{
    struct gyre_cl_stream *stream = (struct gyre_cl_stream *)head;
    cl_event reached = NULL;
    cl_int error =
        cl_of(head->device)
            ->clEnqueueBarrierWithWaitList(stream->queue, 1,
                                           &((const struct gyre_cl_event *)event)->last, &reached);
    if (error == CL_SUCCESS)
        gyre_cl_stream_note(stream, reached);
    return gyre_cl_check(&head->device->log, error, GYRE_CL_SETUP, "clEnqueueBarrierWithWaitList");
}

// --- events

static enum gyre_status wait_for_ever(const struct gyre_cl_event *event)
{
    cl_int error = cl_of(event->head.device)->clWaitForEvents(1, &event->last);
    return gyre_cl_check(&event->head.device->log, error, GYRE_CL_RUN, "clWaitForEvents");
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

enum gyre_status gyre_cl_event_wait(struct gyre_event *head, uint64_t timeout_ns)
{
    const struct gyre_cl_event *event = (const struct gyre_cl_event *)head;
    const struct timespec pause = {0, 20000};
    const uint64_t start = now_ns();
    if (timeout_ns == UINT64_MAX)
        return wait_for_ever(event);
    for (;;) { // OpenCL knows no timeout
        cl_int progress = progress_of(cl_of(head->device), event->last);
        if (progress <= CL_COMPLETE)
            return gyre_cl_check(&head->device->log, progress, GYRE_CL_RUN, "work of the event");
        if (now_ns() - start >= timeout_ns)
            return GYRE_TIMEOUT;
        nanosleep(&pause, NULL);
    }
}

static enum gyre_status read_time(const struct gyre_device *device, cl_event event,
                                  cl_profiling_info what, cl_ulong *ns)
{
    cl_int error = cl_of(device)->clGetEventProfilingInfo(event, what, sizeof(*ns), ns, NULL);
    if (error == CL_PROFILING_INFO_NOT_AVAILABLE)
        return GYRE_UNSUPPORTED;
    return gyre_cl_check(&device->log, error, GYRE_CL_RUN, "clGetEventProfilingInfo");
}

enum gyre_status gyre_cl_event_device_time(struct gyre_event *head, uint64_t *ns)
{
    const struct gyre_cl_event *event = (const struct gyre_cl_event *)head;
    cl_ulong start = 0, end = 0;
    *ns = 0;
    enum gyre_status status = wait_for_ever(event);
    if (status != GYRE_OK || event->first == NULL)
        return status;
    status = read_time(head->device, event->first, CL_PROFILING_COMMAND_START, &start);
    if (status == GYRE_OK)
        status = read_time(head->device, event->last, CL_PROFILING_COMMAND_END, &end);
    if (status == GYRE_OK && end > start)
        *ns = end - start;
    return status;
}

void gyre_cl_event_destroy(struct gyre_event *head)
{
    struct gyre_cl_event *event = (struct gyre_cl_event *)head;
    const struct gyre_cl *cl = cl_of(head->device);
    release(cl, &event->first);
    release(cl, &event->last);
    free(event);
}
