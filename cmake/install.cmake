# What `cmake --install` puts where, by the components of the packages: server, agent, ctl, dev. Folders are those of
# GNUInstallDirs; the sources' own paths (/usr/local/bin, etc/apps) are replaced by where things are installed.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(ELVES_SYSTEMD_DIR "lib/systemd/system" CACHE STRING "Folder of the systemd units")
set(ELVES_APPS_DIR "${CMAKE_INSTALL_PREFIX}/lib/elves/apps" CACHE STRING "Folder of the apps that agents run")
# Where the programs look for their settings when they are not told.
set(ELVES_SETTINGS_DIR /etc/elves CACHE STRING "Folder of elves.conf and agent.conf")
set(ELVES_STATE_DIR "/var/lib" CACHE STRING "Folder under which server and agent keep their data")

set(made ${CMAKE_BINARY_DIR}/install)

# A settings file or a unit, with the paths of this installation. Each further pair is a text and what replaces it; a text
# that is not there any more is an error, so that a sample and this file stay one.
function(elves_installed_text source target)
    file(READ ${PROJECT_SOURCE_DIR}/${source} text)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${source})
    while(ARGN)
        list(POP_FRONT ARGN from to)
        string(FIND "${text}" "${from}" at)
        if(at EQUAL -1)
            message(FATAL_ERROR "${source} has no \"${from}\" any more; cmake/install.cmake replaces it")
        endif()
        string(REPLACE "${from}" "${to}" text "${text}")
    endwhile()
    file(CONFIGURE OUTPUT ${made}/${target} CONTENT "${text}" @ONLY)
endfunction()

set(settings_dir ${ELVES_SETTINGS_DIR})
elves_installed_text(etc/systemd/elvesd.service elvesd.service
    /usr/local/bin/ ${CMAKE_INSTALL_FULL_BINDIR}/ /etc/elves/ ${settings_dir}/)
elves_installed_text(etc/systemd/elves-agent.service elves-agent.service
    /usr/local/bin/ ${CMAKE_INSTALL_FULL_BINDIR}/ /etc/elves/ ${settings_dir}/)
elves_installed_text(etc/elves.conf elves.conf
    "path = elves.db" "path = ${ELVES_STATE_DIR}/elves/elves.db"
    "#socket = /run" "socket = /run")
elves_installed_text(etc/agent.conf agent.conf
    "apps = etc/apps" "apps = ${ELVES_APPS_DIR}"
    "journal = agent.db" "journal = ${ELVES_STATE_DIR}/elves-agent/agent.db"
    "# user = elves-apps" "user = elves-apps")

# elvesctl writes its own manual and completions.
if(NOT CMAKE_CROSSCOMPILING AND NOT ELVES_FUZZ)
    set(texts ${made}/elvesctl.1 ${made}/elvesctl.bash ${made}/_elvesctl ${made}/elvesctl.fish)
    add_custom_command(OUTPUT ${texts}
        COMMAND ${CMAKE_COMMAND} -D PROGRAM=$<TARGET_FILE:elvesctl> -D INSTALLED=${CMAKE_INSTALL_FULL_BINDIR}/elvesctl
            -D FOLDER=${made} -P ${PROJECT_SOURCE_DIR}/cmake/elvesctl_texts.cmake
        DEPENDS elvesctl ${PROJECT_SOURCE_DIR}/cmake/elvesctl_texts.cmake VERBATIM)
    add_custom_target(elves_texts ALL DEPENDS ${texts})
    add_custom_target(elves_installed DEPENDS elvesd elves-agent elvesctl elves_texts)
endif()

install(TARGETS elvesd RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT server)
install(FILES ${made}/elvesd.service DESTINATION ${ELVES_SYSTEMD_DIR} COMPONENT server)
install(FILES etc/grafana/elves.json DESTINATION ${CMAKE_INSTALL_DATADIR}/elves/grafana COMPONENT server)
install(FILES etc/prometheus/elves.rules.yml DESTINATION ${CMAKE_INSTALL_DATADIR}/elves/prometheus COMPONENT server)
install(FILES etc/man/elvesd.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8 COMPONENT server)

install(TARGETS elves-agent RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT agent)
install(FILES ${made}/elves-agent.service DESTINATION ${ELVES_SYSTEMD_DIR} COMPONENT agent)
install(FILES etc/man/elves-agent.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8 COMPONENT agent)
install(FILES clients/shell/elves-worker.sh DESTINATION ${CMAKE_INSTALL_DATADIR}/elves COMPONENT agent)
# In the sources an app's copies of shared files are links.
install(DIRECTORY etc/apps/ DESTINATION ${ELVES_APPS_DIR} COMPONENT agent USE_SOURCE_PERMISSIONS
    PATTERN worker.py EXCLUDE PATTERN appkit.py EXCLUDE PATTERN __pycache__ EXCLUDE)
foreach(app host service package file process shell)
    install(FILES clients/python/elves/worker.py etc/apps-shared/appkit.py DESTINATION ${ELVES_APPS_DIR}/${app} COMPONENT agent)
endforeach()

install(TARGETS elvesctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT ctl)
install(FILES ${made}/elvesctl.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT ctl)
install(FILES ${made}/elvesctl.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
    RENAME elvesctl COMPONENT ctl)
install(FILES ${made}/_elvesctl DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions COMPONENT ctl)
install(FILES ${made}/elvesctl.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT ctl)

# Settings that are there stay as they are: who installs once more keeps what he has set.
foreach(pair "elves.conf;server" "agent.conf;agent")
    list(GET pair 0 name)
    list(GET pair 1 component)
    install(CODE "
        if(NOT EXISTS \"\$ENV{DESTDIR}${settings_dir}/${name}\")
            file(INSTALL \"${made}/${name}\" DESTINATION \"${settings_dir}\")
        endif()" COMPONENT ${component})
endforeach()

# What the author of a module needs.
install(DIRECTORY include/elves DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
configure_package_config_file(etc/cmake/elvesConfig.cmake.in ${made}/elvesConfig.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_DATADIR}/cmake/elves PATH_VARS CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(${made}/elvesConfigVersion.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${made}/elvesConfig.cmake ${made}/elvesConfigVersion.cmake
    DESTINATION ${CMAKE_INSTALL_DATADIR}/cmake/elves COMPONENT dev)
install(FILES test/loadable/guestbook.cpp etc/cmake/example/CMakeLists.txt
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libelves-dev/examples/guestbook COMPONENT dev)
