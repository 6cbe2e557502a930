// SPDX-License-Identifier: MIT
// Stands in for the reader of config.json in a library without JSON.
#include "log.h"
#include "ops/rope_config.h"

enum gyre_status gyre_rope_config_from_json(const struct gyre_rope_json_params *params,
                                            struct gyre_rope_config **out, char *unknown,
                                            size_t unknown_size)
{
    if (out != NULL)
        *out = NULL;
    if (unknown != NULL && unknown_size > 0)
        *unknown = '\0';
    return gyre_fail(params != NULL ? &params->log : NULL, GYRE_UNSUPPORTED,
                     "rope: built without JSON (-Djson=disabled)");
}

void gyre_rope_config_destroy(struct gyre_rope_config **config)
{
    if (config != NULL)
        *config = NULL;
}
