// SPDX-License-Identifier: MIT
#include "json.h"

void json_print(cJSON *json, FILE *out)
{
    char *text = json != NULL ? cJSON_Print(json) : NULL;
    if (text != NULL)
        fprintf(out, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(json);
}

void json_add_u64s(cJSON *object, const char *name, const uint64_t *values, size_t n)
{
    cJSON *array = cJSON_AddArrayToObject(object, name);
    for (size_t i = 0; i < n; i++)
        cJSON_AddItemToArray(array, cJSON_CreateNumber((double)values[i]));
}

void json_add_device(cJSON *object, const struct gyre_device_info *info)
{
    cJSON_AddStringToObject(object, "device", info->id);
    cJSON_AddStringToObject(object, "name", info->name);
    cJSON_AddStringToObject(object, "route", gyre_backend_name(info->backend));
    cJSON_AddStringToObject(object, "type", gyre_device_type_name(info->type));
}
