import { connectorContract } from './contract.fixture.js';
import { localConnector } from './local.js';

connectorContract('local', async () => ({ connector: localConnector() }));
