// SPDX-License-Identifier: MIT
// Cases that others wrote, each run on one device. `result` says how it ended.
#ifndef DATA_DATA_H
#define DATA_DATA_H

#include "harness/compare.h"
#include "harness/session.h"

// A folder with a case.txt (data/case_file.h).
void data_run_onnx(struct session *session, const char *folder, struct result *result);
void data_run_executorch(struct session *session, const char *folder, struct result *result);

// A file with a model's frequencies and rotated probe vectors.
void data_run_rope(struct session *session, const char *path, struct result *result);

// Layer `layer` of a folder of recorded tensors of a llama2.c model; is_fused: attention rotates q
// and k itself.
void data_run_trace_layer(struct session *session, const char *folder, int layer, bool is_fused,
                          struct result *result);

#endif
