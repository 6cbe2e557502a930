// SPDX-License-Identifier: MIT
// Wrong calls: what the tests of them share. A valid call of each operator, ways to spoil it, and
// what must come of that: a status, a log line that says why, and nothing written.
#ifndef TESTS_BAD_INPUT_H
#define TESTS_BAD_INPUT_H

#include <stddef.h>

#include <gyre/gyre.h>

#include "harness/session.h"

// Where the tensors of a valid call of each operator lie in one buffer; q is at 0.
enum {
    K_AT = 8192,
    V_AT = 16384,
    MASK_AT = 24576,
    POSITIONS_AT = 28672,
    Q_OUT_AT = 32768,
    K_OUT_AT = 40960,
    LSE_AT = 49152,
    SCORES_AT = 57344,
    BUFFER_SIZE = 65536,
    FILL = 0x5a,
};

struct fixture {
    struct session session, other;
    struct gyre_buffer *buffer, *foreign;
    struct gyre_rope_table *table, *foreign_table;
    struct gyre_rope_params rope;
    struct gyre_attention_params attention;
};

// On the CPU.
void set_up(struct fixture *f);
void tear_down(struct fixture *f);

// Calls `check` with a fixture of each device: every one refuses alike.
void on_each_device(void (*check)(struct fixture *f));

// The call called `name` gave `status`, and should have been refused with a log line.
void assert_refused(struct fixture *f, const char *name, enum gyre_status status);
void assert_untouched(struct fixture *f, const char *name);

// --- params with one thing wrong

// A change of one field of a params struct.
struct edit {
    size_t at, size; // 0: no edit
    uint64_t value;  // its low bytes; a field larger than 8 bytes becomes all zeros
};

struct spoiling {
    const char *name;
    struct edit edits[4];
};

void spoil(const struct spoiling *spoiling, void *params);

// A wrong call, and what the log must say of it.
struct bad_call {
    const char *says;
    struct spoiling spoiling;
};

// A call of gyre_attention and gyre_attention_supported's answer are INVALID, and the log says so.
void assert_bad_attention(struct fixture *f, const char *name,
                          const struct gyre_attention_params *params, const char *says);

// Wrong calls, each of which is f->attention spoiled; and f->attention itself, which is right: a
// device may at most have no kernel for it.
void refuse_attention(struct fixture *f, const struct bad_call *calls, size_t n);

#define EDIT(type, field, to)                                                                      \
    {                                                                                              \
        offsetof(struct type, field), sizeof(((struct type *)NULL)->field), to                     \
    }
#define STRIDES(type, field, batch, token, head, dim)                                              \
    EDIT(type, field.stride[0], batch), EDIT(type, field.stride[1], token),                        \
        EDIT(type, field.stride[2], head), EDIT(type, field.stride[3], dim)

#endif
