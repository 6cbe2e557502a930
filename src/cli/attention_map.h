// SPDX-License-Identifier: MIT
// The heads of a study as a picture.
#ifndef GYRE_CLI_ATTENTION_MAP_H
#define GYRE_CLI_ATTENTION_MAP_H

#include "attention_study.h"

// Writes a PNG of the study's cells. Complains and returns an exit code.
int attention_map_write(const struct study *study, const struct gyre_attention_params *params,
                        const struct study_options *options);

#endif
