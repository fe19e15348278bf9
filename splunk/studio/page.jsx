// What is bundled for the browser: Splunk's validator and renderer of Dashboard Studio.

import { DashboardContextProvider } from '@splunk/dashboard-context';
import { DashboardCore } from '@splunk/dashboard-core';
import { createSchemaBasedOnPresets } from '@splunk/dashboard-definition';
import EnterprisePreset from '@splunk/dashboard-presets/EnterprisePreset';
import { migrateToTabsLayout } from '@splunk/dashboard-utils';
import { DashboardValidator } from '@splunk/dashboard-validation';
import SplunkThemeProvider from '@splunk/themes/SplunkThemeProvider';
import React from 'react';
import { createRoot } from 'react-dom/client';

const validator = new DashboardValidator();
const unusable = validator.setSchema(createSchemaBasedOnPresets(EnterprisePreset));

/** What Splunk finds wrong with a definition, each in one line; nothing: it is valid. */
window.problemsOf = (definition) => {
  if (unusable) return [String(unusable)];
  const migrated = migrateToTabsLayout({ definition });
  if (!migrated.success) return [migrated.reason || 'it can not be migrated'];
  const found = validator.validate(migrated.definition) || [];
  return found.map((one) => `${one.instancePath}: ${one.message}`);
};

/** Draws a definition into the page, in the light or the dark theme of Splunk Enterprise. */
window.draw = (definition, colorScheme) => {
  createRoot(document.getElementById('dashboard')).render(
    <SplunkThemeProvider family="enterprise" colorScheme={colorScheme} density="comfortable">
      <DashboardContextProvider preset={EnterprisePreset} initialDefinition={definition}>
        <DashboardCore width="100%" height="auto" />
      </DashboardContextProvider>
    </SplunkThemeProvider>
  );
};
