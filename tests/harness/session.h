// SPDX-License-Identifier: MIT
// The devices to test, and an open one with its stream and log.
#ifndef HARNESS_SESSION_H
#define HARNESS_SESSION_H

#include <gyre/device.h>
#include <gyre/stream.h>

// The last lines that a device logged.
struct log_lines {
    char text[4096];
};

// A log that appends to `lines`; the oldest lines give way.
struct gyre_log log_into(struct log_lines *lines);

struct device_set {
    size_t n;
    struct gyre_device_info *infos; // malloc'ed
};

// Devices found, in the order of their rank, that `filter` names: "all", or ids and backends
// separated by commas ("cpu,vulkan,opencl:1"). NULL or "": $GYRE_TEST_DEVICES, and without it all.
// Empty when nothing fits.
struct device_set devices_find(const char *filter);
void devices_free(struct device_set *set);

// Whether $GYRE_REQUIRE ("cpu,opencl,vulkan") asks for this backend, so that its absence is a
// failure and not a skip.
bool devices_is_required(enum gyre_backend_kind backend);

struct session {
    struct gyre_device *device;
    struct gyre_stream *stream;
    const struct gyre_device_info *info;
    struct log_lines log;
};

// Opens the device `name` with a stream, logging into session->log. The session must not move.
enum gyre_status session_open(struct session *session, const char *name);
void session_close(struct session *session);

#endif
