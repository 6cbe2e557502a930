// SPDX-License-Identifier: MIT
#ifndef DATA_JSON_FILE_H
#define DATA_JSON_FILE_H

#include <cjson/cJSON.h>

// Parses a file of the data folder, such as "rope/configs.json"; the caller deletes what comes.
// NULL: it is not there, or not JSON.
cJSON *data_read_json(const char *name);

#endif
