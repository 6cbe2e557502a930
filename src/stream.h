// SPDX-License-Identifier: MIT
// What operators need of a stream beyond dispatching.
#ifndef GYRE_SRC_STREAM_H
#define GYRE_SRC_STREAM_H

#include "backend.h"

// At least `size` bytes of device memory for use by the next dispatches of the stream, kept until a
// larger one is asked for. Earlier users have finished by the time later dispatches run.
enum gyre_status gyre_stream_scratch(struct gyre_stream *stream, uint64_t size,
                                     struct gyre_buffer **out);

#endif
