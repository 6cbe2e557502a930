// SPDX-License-Identifier: MIT
// The operators of `gyre explain`, each in explain_NAME.c. Options make up a problem, whose tensors
// have no buffers, and the library is asked about it as any caller would ask.
#ifndef GYRE_CLI_EXPLAIN_H
#define GYRE_CLI_EXPLAIN_H

#include <gyre/device.h>

#include "command.h"
#include "options.h"

// As commands: argv[0] is the operator's name.
command_fn explain_attention, explain_linear, explain_merge, explain_rope;

// Asks about what `options` describe: the library's text, and its status. Where the call is refused
// as unsupported the text says, as far as it goes, why.
typedef enum gyre_status explain_fn(struct gyre_device *device, const void *options, char *text,
                                    size_t size);

// Prints what `ask` tells of every device that --device names; returns an exit code.
int explain_print(const struct common *common, explain_fn *ask, const void *options);

// A dense tensor.
struct gyre_tensor explain_tensor(enum gyre_dtype dtype, uint64_t axis0, uint64_t axis1,
                                  uint64_t axis2, uint64_t axis3);

// Sizes that operators share.
struct explain_shape {
    struct head_counts heads;
    uint32_t n_batch, q_len, kv_len, head_dim;
    uint32_t v_dim;      // 0: head_dim
    int dtype, kv_dtype; // enum gyre_dtype; kv_dtype -1: as dtype
};

#define EXPLAIN_DEFAULTS                                                                           \
    {                                                                                              \
        .heads = {32, 8}, .n_batch = 1, .q_len = 512, .kv_len = 512, .head_dim = 128,              \
        .kv_dtype = -1                                                                             \
    }

#define OPTION_Q_LEN(shape)                                                                        \
    {                                                                                              \
        "q-len", 'q', OPTION_U32, &(shape).q_len, "N", "query tokens (512)"                        \
    }
#define OPTION_KV_LEN(shape)                                                                       \
    {                                                                                              \
        "kv-len", 'k', OPTION_U32, &(shape).kv_len, "N", "keys (512)"                              \
    }
#define OPTION_HEAD_COUNTS(shape)                                                                  \
    {                                                                                              \
        "heads", 0, OPTION_HEADS, &(shape).heads, "Q/KV", "query and KV heads (32/8)"              \
    }
#define OPTION_HEAD_DIM(shape)                                                                     \
    {                                                                                              \
        "head-dim", 0, OPTION_U32, &(shape).head_dim, "N", "elements of a head (128)"              \
    }
#define OPTION_V_DIM(shape)                                                                        \
    {                                                                                              \
        "v-dim", 0, OPTION_U32, &(shape).v_dim, "N", "elements of a value (head-dim)"              \
    }
#define OPTION_BATCH(shape)                                                                        \
    {                                                                                              \
        "batch", 'b', OPTION_U32, &(shape).n_batch, "N", "batch elements (1)"                      \
    }
// Their words are in the order of enum gyre_dtype.
#define OPTION_DTYPE(name, dtype, help)                                                            \
    {                                                                                              \
        name, 0, OPTION_CHOICE, &(dtype), "f32|f16|bf16", help                                     \
    }
#define OPTION_INTERLEAVED(is_interleaved)                                                         \
    {                                                                                              \
        "interleaved", 0, OPTION_FLAG, &(is_interleaved), NULL,                                    \
            "RoPE's pairs are neighbours (default: from both halves of a head)"                    \
    }

// What every operator takes besides its problem, and the end of its options.
#define EXPLAIN_OPTIONS_END(common)                                                                \
    OPTION_DEVICES(common), OPTION_THREADS(common), OPTION_JSON(common), OPTION_VERBOSE(common),   \
    {                                                                                              \
        0                                                                                          \
    }

#endif
