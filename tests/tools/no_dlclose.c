// SPDX-License-Identifier: MIT
// Keeps libraries loaded to the end, so that reports of leaks can name their frames. Linked into
// programs under the address sanitizer only.
int dlclose(void *handle);

int dlclose(void *handle)
{
    (void)handle;
    return 0;
}
