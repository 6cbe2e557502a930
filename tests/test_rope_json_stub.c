// SPDX-License-Identifier: MIT
// A library without JSON says so.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include <gyre/rope_config.h>

static void keep(void *user, enum gyre_log_level level, const char *line)
{
    (void)level;
    snprintf(user, 256, "%s", line);
}

Test(rope_json_stub, unsupported)
{
    char said[256] = "", unknown[8] = "before";
    struct gyre_rope_json_params params = {
        .text = "{}", .size = 2, .log = {.fn = keep, .user = said, .level = GYRE_LOG_ERROR}};
    struct gyre_rope_config config, *out = &config;
    enum gyre_status status = gyre_rope_config_from_json(&params, &out, unknown, sizeof(unknown));
    cr_assert(status == GYRE_UNSUPPORTED && out == NULL);
    cr_assert_str_empty(unknown);
    cr_assert(strstr(said, "JSON") != NULL, "%s", said);
    gyre_rope_config_destroy(&out);
}
