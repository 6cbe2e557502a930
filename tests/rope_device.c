// SPDX-License-Identifier: MIT
#include "rope_device.h"

#include <stdlib.h>
#include <string.h>

#include "harness/guarded.h"

// The call's tensors: (1, n, 1, head_dim) in place, and (1, 1, 1, n).
struct call {
    struct guarded x, positions;
    struct gyre_rope_table *table;
};

static enum gyre_status make_positions(struct session *session, const int32_t *positions, size_t n,
                                       struct call *call)
{
    struct guarded_layout layout = {.dtype = GYRE_I32, .shape = {1, 1, 1, n}};
    double *values = malloc((n + 1) * sizeof(*values));
    if (values == NULL)
        return GYRE_NO_MEMORY;
    for (size_t i = 0; i < n; i++)
        values[i] = positions[i];
    enum gyre_status status =
        guarded_create(session, "positions", &layout, values, &call->positions);
    free(values);
    return status;
}

static enum gyre_status make_all(struct session *session, const struct gyre_rope_config *config,
                                 const int32_t *positions, size_t n, const double *x,
                                 struct call *call)
{
    struct guarded_layout layout = {
        .dtype = GYRE_F32, .use = GUARDED_INOUT, .shape = {1, n, 1, config->head_dim}};
    enum gyre_status status = guarded_create(session, "x", &layout, x, &call->x);
    if (status == GYRE_OK)
        status = make_positions(session, positions, n, call);
    if (status == GYRE_OK)
        status = gyre_rope_table_create(session->device, config, &call->table);
    return status;
}

static enum gyre_status run(struct session *session, enum gyre_rope_direction direction,
                            struct call *call)
{
    const struct gyre_rope_params params = {
        .table = call->table,
        .q = call->x.tensor,
        .positions = call->positions.tensor,
        .direction = direction,
    };
    enum gyre_status status = gyre_rope(session->stream, &params);
    return status == GYRE_OK ? gyre_stream_finish(session->stream) : status;
}

bool rope_on_device(struct session *session, const struct gyre_rope_config *config,
                    enum gyre_rope_direction direction, const int32_t *positions, size_t n,
                    const double *x, double *y, struct result *result)
{
    struct call call = {0};
    enum gyre_status status = make_all(session, config, positions, n, x, &call);
    if (status == GYRE_OK)
        status = run(session, direction, &call);
    if (status == GYRE_OK) {
        guarded_read(session, &call.x, result);
        memcpy(y, call.x.values, guarded_count(&call.x) * sizeof(*y));
    } else {
        result_fail_status(result, "gyre_rope", status, session->log.text);
    }
    guarded_destroy(&call.x);
    guarded_destroy(&call.positions);
    gyre_rope_table_destroy(&call.table);
    return result->outcome != OUTCOME_FAIL;
}
