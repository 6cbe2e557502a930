// SPDX-License-Identifier: MIT
#include "config_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "open.h"
#include "text_file.h"

// Holds an error back, which becomes a part of the complaint; the rest of the log is shown.
struct held_back {
    struct gyre_log shown;
    char error[256];
};

static void hold_back(void *user, enum gyre_log_level level, const char *message)
{
    struct held_back *held = user;
    if (level == GYRE_LOG_ERROR)
        snprintf(held->error, sizeof(held->error), "%s", message);
    else
        held->shown.fn(held->shown.user, level, message);
}

static int read_text(const struct config_choice *choice, const struct common *common,
                     const char *text, size_t size, struct config_file *out)
{
    struct held_back held = {.shown = shown_log(common)};
    const struct gyre_rope_json_params params = {
        .text = text,
        .size = size,
        .layer_type = choice->layer_type,
        .seq_len = choice->seq_len,
        .log = {.fn = hold_back, .user = &held, .level = held.shown.level},
    };
    enum gyre_status status =
        gyre_rope_config_from_json(&params, &out->config, out->unknown, sizeof(out->unknown));
    if (status == GYRE_OK)
        return CODE_OK;
    const char *what = held.error[0] != '\0' ? held.error : gyre_status_name(status);
    return complain(CODE_DEVICE, "%s: %s", text_file_name(choice->path), what);
}

int config_file_read(const struct config_choice *choice, const struct common *common,
                     struct config_file *out)
{
    size_t size;
    *out = (struct config_file){0};
    char *text = text_file_read(choice->path, &size);
    if (text == NULL)
        return CODE_DEVICE;
    int code = read_text(choice, common, text, size, out);
    free(text);
    return code;
}

void config_file_free(struct config_file *file)
{
    gyre_rope_config_destroy(&file->config);
}

int config_file_check(const struct config_choice *choice, const struct config_file *file)
{
    if (file->unknown[0] == '\0')
        return CODE_OK;
    return complain(CODE_FAILED, "%s: keys that are not known: %s", text_file_name(choice->path),
                    file->unknown);
}
