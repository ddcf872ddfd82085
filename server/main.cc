#include "server/cli/cli.h"

int main(int argc, char** argv) { return vigie::RunCli(argc, argv); }
