// SPDX-License-Identifier: MIT
// The rotation that a model's config.json stands for.
#ifndef GYRE_CLI_CONFIG_FILE_H
#define GYRE_CLI_CONFIG_FILE_H

#include <gyre/rope_config.h>

#include "options.h"

// What a user says.
struct config_choice {
    const char *path; // "-": standard input
    const char *layer_type;
    uint32_t seq_len;
};

#define OPTION_SEQ_LEN(choice)                                                                     \
    {                                                                                              \
        "seq-len", 's', OPTION_U32, &(choice).seq_len, "N",                                        \
            "length of the sequence (the original length)"                                         \
    }
#define OPTION_LAYER_TYPE(choice)                                                                  \
    {                                                                                              \
        "layer-type", 'l', OPTION_TEXT, &(choice).layer_type, "NAME",                              \
            "full_attention, sliding_attention, ... (full_attention)"                              \
    }

struct config_file {
    struct gyre_rope_config *config;
    char unknown[1024]; // keys that were not understood, separated by spaces
};

// Reads it; complains, naming what was refused, and returns an exit code. The caller owes a
// config_file_free, after a failure too.
int config_file_read(const struct config_choice *choice, const struct common *common,
                     struct config_file *out);
void config_file_free(struct config_file *file);

// Complains when there are unknown keys; an exit code.
int config_file_check(const struct config_choice *choice, const struct config_file *file);

#endif
