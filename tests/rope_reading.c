// SPDX-License-Identifier: MIT
#include "rope_reading.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void keep(void *user, enum gyre_log_level level, const char *line)
{
    struct reading *reading = user;
    (void)level;
    snprintf(reading->said, sizeof(reading->said), "%s", line);
}

// The text lies in memory of its own, so that a sanitizer sees what is read beyond it.
void read_bytes(const char *text, size_t size, const char *layer_type, uint64_t seq_len,
                struct reading *reading)
{
    char *copy = malloc(size);
    memset(reading, 0, sizeof(*reading));
    if (size > 0)
        memcpy(copy, text, size);
    struct gyre_rope_json_params params = {
        .text = copy != NULL ? copy : "",
        .size = size,
        .layer_type = layer_type,
        .seq_len = seq_len,
        .log = {.fn = keep, .user = reading, .level = GYRE_LOG_ERROR},
    };
    reading->status = gyre_rope_config_from_json(&params, &reading->config, reading->unknown,
                                                 sizeof(reading->unknown));
    free(copy);
}

void read_text(const char *text, const char *layer_type, uint64_t seq_len, struct reading *reading)
{
    char json[4096];
    size_t n = strlen(text);
    cr_assert_lt(n, sizeof(json));
    for (size_t i = 0; i < n; i++)
        json[i] = text[i] == '\'' ? '"' : text[i];
    read_bytes(json, n, layer_type, seq_len, reading);
}

void read_well(const char *text, const char *layer_type, uint64_t seq_len, struct reading *reading)
{
    read_text(text, layer_type, seq_len, reading);
    cr_assert(reading->status == GYRE_OK && reading->config != NULL, "%s\ngave %s: %s", text,
              gyre_status_name(reading->status), reading->said);
}
