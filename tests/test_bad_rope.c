// SPDX-License-Identifier: MIT
// Wrong calls of gyre_rope and wrong tables: a status, a log line, and nothing written.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "bad_input.h"

#define ROPE(field, to)                 EDIT(gyre_rope_params, field, to)
#define ROPE_STRIDES(field, a, b, c, d) STRIDES(gyre_rope_params, field, a, b, c, d)
static const struct spoiling rope_spoilings[] = {
    {"no table", {ROPE(table, 0)}},
    {"no q", {ROPE(q, 0)}},
    {"q without a buffer", {ROPE(q.buffer, 0)}},
    {"i32 values", {ROPE(q.dtype, GYRE_I32), ROPE(q_out.dtype, GYRE_I32)}},
    {"no dtype", {ROPE(q.dtype, 77)}},
    {"k of another dtype", {ROPE(k.dtype, GYRE_F16), ROPE(k_out.dtype, GYRE_F16)}},
    {"a result of another dtype", {ROPE(q_out.dtype, GYRE_BF16)}},
    {"another head_dim", {ROPE(q.shape[3], 6), ROPE(q_out.shape[3], 6)}},
    {"k with other tokens", {ROPE(k.shape[1], 3), ROPE(k_out.shape[1], 3)}},
    {"k with another batch", {ROPE(k.shape[0], 1), ROPE(k_out.shape[0], 1)}},
    {"a result of another shape", {ROPE(q_out.shape[2], 3)}},
    {"a strided last axis", {ROPE_STRIDES(q, 256, 64, 16, 2)}},
    {"a repeated result", {ROPE_STRIDES(q_out, 0, 32, 8, 1)}},
    {"a result whose rows overlap", {ROPE_STRIDES(q_out, 128, 32, 4, 1)}},
    {"an offset between elements", {ROPE(q.offset, 2)}},
    {"an offset outside", {ROPE(q.offset, BUFFER_SIZE)}},
    {"an offset that wraps", {ROPE(q.offset, UINT64_MAX - 3)}},
    {"an end outside", {ROPE(q.offset, BUFFER_SIZE - 64)}},
    {"a shape that overflows",
     {ROPE(q.shape[0], UINT64_C(1) << 62), ROPE(q_out.shape[0], UINT64_C(1) << 62),
      ROPE(k.shape[0], UINT64_C(1) << 62), ROPE(k_out.shape[0], UINT64_C(1) << 62)}},
    {"a stride that overflows", {ROPE_STRIDES(q, UINT64_MAX / 2, 32, 8, 1)}},
    {"a result over its input", {ROPE(q_out.offset, 32)}},
    {"results over each other", {ROPE(k_out.offset, Q_OUT_AT)}},
    {"a result over the other input", {ROPE(q_out.offset, K_AT)}},
    {"f32 positions", {ROPE(positions.dtype, GYRE_F32)}},
    {"positions of another batch", {ROPE(positions.shape[2], 3)}},
    {"positions of other tokens", {ROPE(positions.shape[3], 5)}},
    {"positions under a result", {ROPE(positions.offset, Q_OUT_AT)}},
    {"no direction", {ROPE(direction, 9)}},
};

static void spoil_rope(struct fixture *f)
{
    for (size_t i = 0; i < sizeof(rope_spoilings) / sizeof(rope_spoilings[0]); i++) {
        struct gyre_rope_params params = f->rope;
        spoil(&rope_spoilings[i], &params);
        assert_refused(f, rope_spoilings[i].name, gyre_rope(f->session.stream, &params));
        assert_untouched(f, rope_spoilings[i].name);
    }
    cr_assert(gyre_rope(f->session.stream, &f->rope) == GYRE_OK, "%s", f->session.log.text);
}

Test(bad_rope, params)
{
    on_each_device(spoil_rope);
}

// More tensors than a dispatch of many devices has groups along an axis.
static void rotate_many(struct fixture *f)
{
    enum { N = 70000 };
    struct gyre_buffer *buffer = NULL;
    struct gyre_rope_params params = {.table = f->table, .start = 1};
    float *x = calloc(N, 8 * sizeof(*x));
    cr_assert(x != NULL);
    for (size_t i = 0; i < N; i++)
        x[8 * i] = 1;
    cr_assert(gyre_buffer_create(f->session.device, (uint64_t)N * 32, &buffer) == GYRE_OK);
    cr_assert(gyre_buffer_write(f->session.stream, buffer, 0, (uint64_t)N * 32, x) == GYRE_OK);
    params.q = (struct gyre_tensor){.buffer = buffer, .shape = {N, 1, 1, 8}};
    enum gyre_status status = gyre_rope(f->session.stream, &params);
    bool is_refused = status == GYRE_UNSUPPORTED && f->session.log.text[0] != '\0';
    cr_assert(is_refused || status == GYRE_OK, "%s: %s", f->session.info->id, f->session.log.text);
    cr_assert(gyre_buffer_read(f->session.stream, buffer, 0, (uint64_t)N * 32, x) == GYRE_OK);
    for (size_t i = 0; i < N; i++)
        cr_assert(fabs(x[8 * i] - (is_refused ? 1 : cos(1))) < 1e-5, "%s: tensor %zu",
                  f->session.info->id, i);
    gyre_buffer_destroy(&buffer);
    free(x);
}

Test(bad_rope, many_tensors)
{
    on_each_device(rotate_many);
}
