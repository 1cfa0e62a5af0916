/* A stem that becomes a command: it waits on CHANNEL for what to become, in a shell that is nobody's
 * yet, with no right left. No C library, no memory but its own, and nothing that it knows before.
 *
 * It says '+' on CHANNEL and reads to the end of file: a text that is another's, then, each ended by
 * a NUL, the number of arguments, the arguments, and the variables. It executes the first argument
 * in TASK_ROOT. What it cannot become it says on its standard error, in the words and with the exit
 * codes of guest/zygote.py. Nobody is left to tell it where there is nothing to read: then it ends.
 *
 * Built by ./build into wait.<architecture>. */

#if defined(__x86_64__)
enum { READ = 0, WRITE = 1, CLOSE = 3, EXECVE = 59, EXIT = 60, CHDIR = 80 };
static long call(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
enum { READ = 63, WRITE = 64, CLOSE = 57, EXECVE = 221, EXIT = 93, CHDIR = 49 };
static long call(long number, long a, long b, long c)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
}
#endif

enum { ERRORS = 2, CHANNEL = 63, ENOENT = 2, E2BIG = 7, ENOEXEC = 8, ENOMEM = 12, EACCES = 13,
       ENOTDIR = 20, ETXTBSY = 26, ELOOP = 40, NOT_EXECUTED = 126, NOT_FOUND = 127,
       MOST_BYTES = 1 << 20, MOST_STRINGS = 1 << 14 };

static void leave(int code)
{
    for (;;)
        call(EXIT, code, 0, 0);
}

static void say(const char *words)
{
    const char *end = words;

    while (*end)
        end++;
    call(WRITE, ERRORS, (long)words, end - words);
}

static const char *words_for(long error)
{
    switch (error) {
    case ENOENT: return "No such file or directory";
    case E2BIG: return "Argument list too long";
    case ENOEXEC: return "Exec format error";
    case ENOMEM: return "Cannot allocate memory";
    case EACCES: return "Permission denied";
    case ENOTDIR: return "Not a directory";
    case ETXTBSY: return "Text file busy";
    case ELOOP: return "Too many levels of symbolic links";
    default: return "it cannot be executed";
    }
}

static char *after(char *string)
{
    while (*string)
        string++;
    return string + 1;
}

/* Where what is read ends, with a NUL behind it whatever was sent. */
static char *receive(char *text)
{
    long length = 0, got;

    call(WRITE, CHANNEL, (long)"+", 1);
    while ((got = call(READ, CHANNEL, (long)(text + length), MOST_BYTES - length)) > 0)
        length += got;
    if (got < 0 || length == 0 || length == MOST_BYTES)
        leave(length == MOST_BYTES);
    call(CLOSE, CHANNEL, 0, 0);
    text[length] = 0;
    return text + length;
}

void _start(void)
{
    char text[MOST_BYTES], *strings[MOST_STRINGS];
    char *end = receive(text), *next = after(text);
    long arguments = 0, count = 0, error;

    for (; next < end && *next; next++)
        arguments = arguments * 10 + (*next - '0');
    /* Arguments and variables are two lists, each with a null behind it. */
    for (next++; next < end && count < MOST_STRINGS - 2; next = after(next)) {
        if (count == arguments)
            strings[count++] = 0;
        strings[count++] = next;
    }
    strings[count] = strings[count + 1] = 0;
    if (next < end || count < arguments || arguments == 0)
        leave(1);
    call(CHDIR, (long)"/var/task", 0, 0);
    error = -call(EXECVE, (long)strings[0], (long)strings, (long)(strings + arguments + 1));
    say(strings[0]);
    say(": ");
    say(words_for(error));
    say("\n");
    leave(error == ENOENT ? NOT_FOUND : NOT_EXECUTED);
}
