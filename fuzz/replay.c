/* SPDX-License-Identifier: MIT
 *
 * Runs a fuzz target over the files of a folder: the corpora as plain tests, with any compiler.
 * It finds nothing new.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* the target's */

static int replay_file(const char *path)
{
    static uint8_t bytes[1 << 20];
    FILE *f = fopen(path, "rb");
    size_t n = 0;
    if (!f)
        return 0;
    n = fread(bytes, 1, sizeof(bytes), f);
    (void)fclose(f);
    uint8_t *exact = malloc(n ? n : 1); /* so that a sanitizer sees the input's end */
    if (!exact)
        return 0;
    for (size_t i = 0; i < n; i++)
        exact[i] = bytes[i];
    (void)LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    return 1;
}

int main(int argc, char **argv)
{
    int n = 0;
    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        struct dirent *entry = NULL;
        while (dir && (entry = readdir(dir)) != NULL) {
            char path[1024];
            if (entry->d_name[0] == '.')
                continue;
            (void)snprintf(path, sizeof(path), "%s/%s", argv[i], entry->d_name);
            n += replay_file(path);
        }
        if (dir)
            (void)closedir(dir);
    }
    printf("%d inputs\n", n);
    return n ? 0 : 1;
}
