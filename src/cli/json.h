// SPDX-License-Identifier: MIT
// JSON for tools.
#ifndef GYRE_CLI_JSON_H
#define GYRE_CLI_JSON_H

#include <stdint.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include <gyre/device.h>

// Prints and deletes. Nothing is printed for NULL.
void json_print(cJSON *json, FILE *out);

// Adds a copy of an array of numbers.
void json_add_u64s(cJSON *object, const char *name, const uint64_t *values, size_t n);

// id, name, backend, type: what tells devices apart.
void json_add_device(cJSON *object, const struct gyre_device_info *info);

#endif
