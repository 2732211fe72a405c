/* Replays inputs of a fuzz target where there is no libFuzzer: the files and folders given, or the target's own corpus.
 *
 *     build/tests/fuzz/fuzz_stun [FILE|FOLDER]...
 *
 * Ends with the line that .ci/check looks for. A crash names its input: the name is printed before the input runs. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static int replayed;

static int run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return 1;
    }
    uint8_t *data = NULL;
    size_t n = 0, cap = 0, got;
    do {
        if (n + 4096 > cap) {
            uint8_t *more = realloc(data, cap += 65536);
            MUST(more);
            data = more;
        }
        got = fread(data + n, 1, 4096, f);
        n += got;
    } while (got);
    fclose(f);
    uint8_t *exact = fuzz_exact(it_bytes_of(data, n));
    free(data);
    printf("%s\n", path);
    fflush(stdout);
    (void)LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    replayed++;
    return 0;
}

static int run_path(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0) {
        perror(path);
        return 1;
    }
    if (!S_ISDIR(st.st_mode))
        return run_file(path);
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort), bad = 0;
    for (int i = 0; i < n; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            bad |= run_path(file);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return bad;
}

int main(int argc, char **argv)
{
    int bad = 0;
    char own[4096];
    const char *name = strrchr(argv[0], '/');
    name = name ? name + 1 : argv[0];
    snprintf(own, sizeof own, "tests/fuzz/corpus/%s", strncmp(name, "fuzz_", 5) == 0 ? name + 5 : name);
    if (argc == 1)
        bad = run_path(own);
    for (int i = 1; i < argc; i++)
        bad |= run_path(argv[i]);
    if (!replayed)
        bad = 1; /* a corpus that is not there proves nothing */
    printf("%d%%: Checks: %d, Failures: 0, Errors: %d\n", bad ? 0 : 100, replayed, bad);
    return bad;
}
