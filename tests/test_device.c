// SPDX-License-Identifier: MIT
// Finding, choosing and opening devices.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gyre/gyre.h>

#include "harness/session.h"

Test(device, the_list_is_sound)
{
    struct gyre_device_list *list;
    bool has_cpu = false;
    cr_assert(gyre_device_list_create(NULL, &list) == GYRE_OK);
    size_t n = gyre_device_list_count(list);
    for (size_t i = 0; i < n; i++) {
        const struct gyre_device_info *info = gyre_device_list_get(list, i);
        printf("  %s: %.60s, %s, rank %u: %s\n", info->id, info->name,
               gyre_device_type_name(info->type), info->rank, info->why);
        cr_assert(info->rank == i && info->name[0] != '\0' && info->why[0] != '\0');
        cr_assert(info->max_alloc_size > 0 && info->max_binding_size > 0 &&
                  info->offset_align > 0 && info->max_group_size > 0);
        for (size_t j = 0; j < i; j++)
            cr_assert(strcmp(info->id, gyre_device_list_get(list, j)->id) != 0);
        has_cpu = has_cpu || info->backend == GYRE_BACKEND_CPU;
    }
    cr_assert(has_cpu && gyre_device_list_get(list, n) == NULL);
    fflush(stdout);
    gyre_device_list_destroy(&list);
    cr_assert(list == NULL);
    gyre_device_list_destroy(&list);
    gyre_device_list_destroy(NULL);
}

Test(device, required_backends_are_there)
{
    struct device_set devices = devices_find("all");
    bool is_there[GYRE_N_BACKENDS] = {false};
    for (size_t i = 0; i < devices.n; i++)
        is_there[devices.infos[i].backend] = true;
    for (int backend = 0; backend < GYRE_N_BACKENDS; backend++)
        if (devices_is_required((enum gyre_backend_kind)backend))
            cr_assert(is_there[backend], "%s is missing, and GYRE_REQUIRE asks for it",
                      gyre_backend_name((enum gyre_backend_kind)backend));
    devices_free(&devices);
}

static void assert_opens(const char *name, const char *id)
{
    struct session session;
    enum gyre_status status = session_open(&session, name);
    cr_assert(status == GYRE_OK, "%s: %s", name ? name : "NULL", session.log.text);
    cr_assert(strcmp(session.info->id, id) == 0, "%s opened %s", name, session.info->id);
    session_close(&session);
}

// Every device opens by its id; a backend's name opens its best; case does not matter in names.
Test(device, opening_by_id_and_name)
{
    struct device_set devices = devices_find("all");
    bool is_seen[GYRE_N_BACKENDS] = {false};
    unsetenv("GYRE_DEVICE");
    for (size_t i = 0; i < devices.n; i++) {
        const struct gyre_device_info *info = &devices.infos[i];
        char upper[sizeof(info->name)];
        for (size_t c = 0; c < sizeof(upper); c++)
            upper[c] = (char)(info->name[c] >= 'a' && info->name[c] <= 'z' ? info->name[c] - 32
                                                                           : info->name[c]);
        assert_opens(info->id, info->id);
        if (!is_seen[info->backend])
            assert_opens(gyre_backend_name(info->backend), info->id);
        is_seen[info->backend] = true;
        struct session session;
        cr_assert(session_open(&session, upper) == GYRE_OK);
        cr_assert(strcmp(session.info->name, info->name) == 0);
        session_close(&session);
    }
    devices_free(&devices);
}

Test(device, the_environment_chooses)
{
    setenv("GYRE_DEVICE", "cpu", 1);
    assert_opens(NULL, "cpu");
    assert_opens("", "cpu");
    setenv("GYRE_DEVICE", "no such thing", 1);
    struct session session;
    cr_assert(session_open(&session, NULL) == GYRE_INVALID);
    assert_opens("cpu", "cpu");
}

Test(device, nothing_asked_gives_the_first_of_the_list)
{
    unsetenv("GYRE_DEVICE");
    struct device_set devices = devices_find("all");
    cr_assert(devices.n > 0 && devices.infos[0].type != GYRE_DEVICE_SOFTWARE);
    assert_opens(NULL, devices.infos[0].id);
    devices_free(&devices);
}

Test(device, an_unknown_name_lists_the_known_ones)
{
    struct session session;
    cr_assert(session_open(&session, "geforce 256") == GYRE_INVALID);
    cr_assert(session.device == NULL);
    cr_assert(strstr(session.log.text, "geforce 256") != NULL, "%s", session.log.text);
    cr_assert(strstr(session.log.text, "cpu") != NULL, "%s", session.log.text);
}

// What is destroyed first does not matter.
Test(device, objects_die_in_any_order)
{
    struct device_set devices = devices_find(NULL);
    for (size_t i = 0; i < devices.n; i++) {
        struct session session;
        struct gyre_buffer *buffer;
        struct gyre_event *event;
        uint32_t word = 7, back = 0;
        cr_assert(session_open(&session, devices.infos[i].id) == GYRE_OK);
        gyre_device_destroy(&session.device);
        cr_assert(session.device == NULL);
        session_close(&session);

        cr_assert(session_open(&session, devices.infos[i].id) == GYRE_OK);
        cr_assert(gyre_buffer_create(session.device, 4, &buffer) == GYRE_OK);
        gyre_device_destroy(&session.device);
        cr_assert(gyre_buffer_write(session.stream, buffer, 0, 4, &word) == GYRE_OK);
        cr_assert(gyre_buffer_read(session.stream, buffer, 0, 4, &back) == GYRE_OK && back == 7);
        cr_assert(gyre_stream_submit(session.stream, &event) == GYRE_OK);
        gyre_stream_destroy(&session.stream);
        cr_assert(gyre_event_wait(event, UINT64_MAX) == GYRE_OK);
        gyre_buffer_destroy(&buffer);
        gyre_event_destroy(&event);
        cr_assert(buffer == NULL && event == NULL && session.stream == NULL);
    }
    devices_free(&devices);
}
